//! Finding things by name, whatever they are: what the lists find, cut down to names.

use model::find::{Found, FoundKind, best};
use model::query::{ListQuery, MAX_PAGE_SIZE};

use crate::access::Actor;
use crate::{Portal, PortalError};

/// What this person may see and whose name holds a text. A kind that cannot be looked at is left out; only if none can
/// is it an error.
pub async fn find(portal: &Portal, actor: &Actor, name: &str) -> Result<Vec<Found>, PortalError> {
    let name = name.trim().to_lowercase();
    // What no name can hold is in no name; nor does it get into the lists' language this way.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte)) {
        return Ok(Vec::new());
    }
    let query = ListQuery { page_size: MAX_PAGE_SIZE, ..ListQuery::of(format!("name:*{name}*")) };
    let of = |kind| move |at| Found { kind, at };
    let machines = portal.list_machines(actor, &query).await;
    let machines = machines.map(|list| list.rows.into_iter().map(|row| row.at).map(of(FoundKind::Machine)).collect());
    let pods = portal.list_pods(actor, &query).await;
    let pods = pods.map(|list| list.rows.into_iter().map(|row| row.at).map(of(FoundKind::Pod)).collect());
    let images = portal.list_images(actor, &query).await;
    let images = images.map(|list| list.rows.into_iter().map(|row| row.at).map(of(FoundKind::Image)).collect());
    let (mut all, mut refused, mut is_answered) = (Vec::new(), None, false);
    for kind in [machines, pods, images] {
        let kind: Result<Vec<Found>, PortalError> = kind;
        match kind {
            Ok(found) => {
                is_answered = true;
                all.extend(found);
            }
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if !is_answered => Err(error),
        _ => Ok(best(all, &name)),
    }
}
