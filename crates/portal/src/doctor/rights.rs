//! What the portal's own account may do.

use model::doctor::{Area, Check};

use super::ask::{Answers, Right};
use super::{broken, good, unknown, weak};

const AREA: Area = Area::Rights;

pub(super) fn checks(answers: &Answers) -> Vec<Check> {
    let mut checks = Vec::new();
    for (right, answer) in &answers.rights {
        match answer {
            Ok(true) => {}
            Ok(false) => checks.push(missing(*right)),
            Err(why) => {
                return vec![unknown(AREA, "rights", "What Porthole's account may do is not known.", why)];
            }
        }
    }
    if checks.is_empty() {
        checks.push(good(
            AREA,
            "rights",
            "Porthole's account has all the rights that it needs, and acts as the person who asks.",
        ));
    }
    checks
}

fn missing(right: Right) -> Check {
    let group = if right.group.is_empty() { String::new() } else { format!(".{}", right.group) };
    let found = format!("Porthole's account may not {} {}{group}", right.verb, right.resource);
    let fix = "Apply deploy/rbac.yaml anew, and bind its role to Porthole's account.";
    match right.without {
        Some(without) => weak(AREA, "rights", format!("{found}: {without}."), fix),
        None => broken(AREA, "rights", format!("{found}: it cannot work without."), fix),
    }
}
