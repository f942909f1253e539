//! A namespace's quota that has no room left.

use kubevirt::quantity;

use super::Explained;
use crate::diagnosis::texts::clause;

const WAY_OUT: &str = "Ask for less, switch something off or delete it, or ask an administrator for more quota.";

/// What the API server says about a quota; `None` if it is about something else.
pub(crate) fn explain(message: &str) -> Option<Explained> {
    let (_, told) = message.split_once("exceeded quota:")?;
    let told = told.trim();
    let part = |key: &str| told.split(", ").find_map(|part| part.trim().strip_prefix(key));
    let name = told.split(',').next().unwrap_or_default().trim();
    let title = match (part("requested: "), part("used: "), part("limited: ")) {
        (Some(asked), Some(used), Some(limits)) => {
            let resource = short(asked, used, limits);
            let of = |list| amount(list, resource).unwrap_or("?");
            format!(
                "The team's quota {name} has no room: {} of {} are in use, and this asks for {}{}",
                of(used),
                of(limits),
                of(asked),
                thing(resource)
            )
        }
        _ => format!("The team's quota has no room: {}", clause(told)),
    };
    Some(Explained::new(title, WAY_OUT))
}

/// What is known beforehand: a disk that asks for more than a quota leaves.
pub(crate) fn no_room(quota: &str, left: &str, asked: &str) -> Explained {
    let title =
        format!("The team's quota {quota} has no room: {left} are left, and this asks for {asked} of disk space");
    Explained::new(title, WAY_OUT)
}

/// The first resource that there is too little of.
fn short<'a>(asked: &'a str, used: &str, limits: &str) -> &'a str {
    let mut resources = asked.split(',').filter_map(|pair| pair.split_once('=').map(|(resource, _)| resource));
    let first = resources.clone().next().unwrap_or_default();
    let is_short = |resource: &&str| match (number(asked, resource), number(used, resource), number(limits, resource)) {
        (Some(asked), Some(used), Some(limit)) => asked.saturating_add(used) > limit,
        _ => false,
    };
    resources.find(is_short).unwrap_or(first)
}

fn number(list: &str, resource: &str) -> Option<u64> {
    quantity::milli_value(amount(list, resource)?)
}

/// How much of a resource a list such as `pods=1,cpu=2` names.
fn amount<'a>(list: &'a str, resource: &str) -> Option<&'a str> {
    list.split(',')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == resource)
        .map(|(_, amount)| amount)
}

fn thing(resource: &str) -> &'static str {
    match resource {
        "requests.memory" | "limits.memory" | "memory" => " of memory",
        "requests.cpu" | "limits.cpu" | "cpu" => " CPUs",
        "pods" | "count/pods" => " pods",
        "persistentvolumeclaims" => " disks",
        other if other.ends_with("requests.storage") => " of disk space",
        other if other.contains("virtualmachine") => " machines",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_that_ran_out_is_named() {
        let text = "pods \"virt-launcher-a-x\" is forbidden: exceeded quota: small, requested: limits.memory=1Gi, used: \
                    limits.memory=3Gi, limited: limits.memory=3500Mi";
        assert_eq!(
            explain(text).unwrap().title,
            "The team's quota small has no room: 3Gi of 3500Mi are in use, and this asks for 1Gi of memory"
        );
        let several = "exceeded quota: q, requested: pods=1,requests.cpu=1, used: pods=2,requests.cpu=1, limited: \
                       pods=2,requests.cpu=4";
        assert_eq!(
            explain(several).unwrap().title,
            "The team's quota q has no room: 2 of 2 are in use, and this asks for 1 pods"
        );
        assert_eq!(explain("no quota in sight"), None);
    }

    #[test]
    fn a_form_that_nobody_foresaw_is_passed_on() {
        assert_eq!(explain("exceeded quota: too much").unwrap().title, "The team's quota has no room: too much");
    }
}
