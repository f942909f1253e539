//! Several machines from one draft.
//!
//! Each is made from the same draft under a name of its own. What has to differ between guests besides the name, the
//! cluster draws for each by itself: hardware addresses, the firmware's UUID, cloud-init's instance id. The disks'
//! names follow from the machine's, so each has its own copy.

use super::draft::MachineDraft;

/// Most machines that one form makes. More than that is a matter for a `VirtualMachinePool`.
const MOST: usize = 20;

/// The drafts of all machines that a draft asks for, each of a single one.
///
/// A name that ends in a number counts on from it: `web-3` leads to `web-3`, `web-4`. Any other counts from 1.
pub fn each(draft: &MachineDraft) -> Vec<MachineDraft> {
    let single = |name: String| MachineDraft { name, copies: String::new(), ..draft.clone() };
    let count = count(draft);
    if count == 1 {
        return vec![single(draft.name.clone())];
    }
    let (stem, first) = numbered(&draft.name).unwrap_or((&draft.name, 1));
    (first..).take(count).map(|number| single(format!("{stem}-{number}"))).collect()
}

/// How many machines a draft asks for; one while it says nothing sensible.
pub fn count(draft: &MachineDraft) -> usize {
    asked(draft).unwrap_or(1)
}

/// What is wrong with the number of machines.
pub(super) fn problem(draft: &MachineDraft) -> Option<String> {
    asked(draft).is_none().then(|| format!("Write how many machines to make: 1 to {MOST}."))
}

fn asked(draft: &MachineDraft) -> Option<usize> {
    match draft.copies.trim() {
        "" => Some(1),
        typed => typed.parse().ok().filter(|count| (1..=MOST).contains(count)),
    }
}

/// `web` and 3 of `web-3`. A number with leading zeros is a part of the name.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let (stem, digits) = name.rsplit_once('-')?;
    let number: u32 = digits.parse().ok().filter(|number: &u32| number.to_string() == digits)?;
    // Counting on must not overflow.
    (!stem.is_empty() && number < u32::MAX / 2).then_some((stem, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str, copies: &str) -> Vec<String> {
        let draft = MachineDraft { name: name.to_owned(), copies: copies.to_owned(), ..MachineDraft::default() };
        each(&draft).into_iter().map(|draft| draft.name).collect()
    }

    #[test]
    fn a_single_machine_keeps_its_name() {
        assert_eq!(names("web", ""), ["web"]);
        assert_eq!(names("web-7", " 1 "), ["web-7"]);
    }

    #[test]
    fn several_machines_count_on_from_the_name() {
        assert_eq!(names("web", "3"), ["web-1", "web-2", "web-3"]);
        assert_eq!(names("web-9", "2"), ["web-9", "web-10"]);
        assert_eq!(names("web-09", "2"), ["web-09-1", "web-09-2"]);
    }

    #[test]
    fn half_a_number_is_one_machine_and_a_problem() {
        for typed in ["0", "21", "many", "-1", "2.5"] {
            let draft = MachineDraft { copies: typed.to_owned(), ..MachineDraft::default() };
            assert!(problem(&draft).is_some(), "{typed}");
            assert_eq!(count(&draft), 1, "{typed}");
        }
    }

    #[test]
    fn a_copy_asks_for_itself_only() {
        let draft = MachineDraft { name: "web".to_owned(), copies: "2".to_owned(), ..MachineDraft::default() };
        assert!(each(&draft).iter().all(|copy| each(copy).len() == 1));
    }
}
