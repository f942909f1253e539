//! What the palette offers, in which order: no browser and no view in here.

use model::ObjectRef;
use model::commands::commands;
use model::find::{Found, FoundKind};
use model::machine::{MachineAction, MachineRow, MachineState};

use crate::components::power::action_glyph;
use crate::paths;
use crate::ui::Glyph;

/// One line of the palette.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its picture.
    pub glyph: Glyph,
    /// What it says.
    pub label: String,
    /// What it is, in a word or two.
    pub hint: String,
    /// Why it is not possible now.
    pub denied: Option<String>,
    /// What it does.
    pub does: Does,
}

/// What choosing a line does.
#[derive(Clone, Debug, PartialEq)]
pub enum Does {
    /// Opens a page.
    Go(String),
    /// Asks something of the machine in view.
    Act(ObjectRef, MachineAction, MachineState),
    /// Puts a text into the clipboard.
    Copy(String),
}

/// Pages that everybody can go to.
const PAGES: &[(Glyph, &str, &str)] = &[
    (Glyph::Overview, "Overview", paths::OVERVIEW),
    (Glyph::Machine, "Machines", paths::MACHINES),
    (Glyph::Machine, "New machine", paths::NEW_MACHINE),
    (Glyph::Container, "Containers", paths::CONTAINERS),
    (Glyph::Disc, "Images", paths::IMAGES),
    (Glyph::Upload, "Upload a file", paths::UPLOAD),
    (Glyph::Download, "Import an image", paths::IMPORT),
    (Glyph::Copy, "Templates", paths::TEMPLATES),
];

/// Actions that cost nothing that was not saved; the others ask on the machine's page.
const ACTIONS: [MachineAction; 6] = [
    MachineAction::Start,
    MachineAction::Stop,
    MachineAction::Restart,
    MachineAction::Pause,
    MachineAction::Unpause,
    MachineAction::SoftReboot,
];

/// The machine that a page is about.
pub fn machine_in_view(path: &str) -> Option<ObjectRef> {
    let mut segments = path.trim_matches('/').split('/');
    if segments.next() != Some("machines") {
        return None;
    }
    ObjectRef::parse(segments.next()?, segments.next()?).ok()
}

/// All lines for what was typed. Without a text: what was chosen last, then what can be done here, then pages.
pub fn entries(
    text: &str,
    recent: &[Entry],
    machine: Option<&MachineRow>,
    found: &[Found],
    is_administrator: bool,
) -> Vec<Entry> {
    let doctor = is_administrator.then_some((Glyph::Doctor, "Doctor", paths::DOCTOR));
    let pages = PAGES.iter().copied().chain(doctor).map(|(glyph, label, path)| Entry {
        glyph,
        label: label.to_owned(),
        hint: "Page".to_owned(),
        denied: None,
        does: Does::Go(path.to_owned()),
    });
    let here: Vec<_> = machine.map(of_machine).unwrap_or_default().into_iter().chain(pages).collect();
    let wanted = text.trim().to_lowercase();
    if wanted.is_empty() {
        let is_new = |entry: &Entry| !recent.iter().any(|recent| recent.does == entry.does);
        return recent.iter().cloned().chain(here.into_iter().filter(is_new)).collect();
    }
    let fits = |entry: &Entry| wanted.split(' ').all(|word| entry.label.to_lowercase().contains(word));
    here.into_iter().filter(fits).chain(found.iter().map(of_found)).collect()
}

/// What can be done with the machine in view; what cannot has its reason.
fn of_machine(row: &MachineRow) -> Vec<Entry> {
    let name = &row.at.name;
    let hint = "Action".to_owned();
    let console = row.offer(MachineAction::OpenConsole).and_then(|offer| offer.denied.clone());
    let screen = Entry {
        glyph: Glyph::Maximize,
        label: format!("Open the screen of {name}"),
        hint: hint.clone(),
        denied: console,
        does: Does::Go(paths::console(&row.at)),
    };
    let actions = ACTIONS.into_iter().filter_map(|action| {
        let offer = row.offer(action)?;
        Some(Entry {
            glyph: action_glyph(action),
            label: format!("{} {name}", action.label()),
            hint: hint.clone(),
            denied: offer.denied.clone(),
            does: Does::Act(row.at.clone(), action, row.state),
        })
    });
    let lines = commands(&row.at).into_iter().filter(|(_, line)| line.starts_with("kubectl get"));
    let lines = lines.map(|(_, line)| Entry {
        glyph: Glyph::Copy,
        label: format!("Copy: {line}"),
        hint: "Command line".to_owned(),
        denied: None,
        does: Does::Copy(line),
    });
    actions.chain([screen]).chain(lines).collect()
}

fn of_found(found: &Found) -> Entry {
    let (glyph, kind, path) = match found.kind {
        FoundKind::Machine => (Glyph::Machine, "Machine", paths::machine(&found.at)),
        FoundKind::Pod => (Glyph::Container, "Pod", paths::pod(&found.at)),
        FoundKind::Image => (Glyph::Disc, "Image", paths::image(&found.at)),
    };
    Entry {
        glyph,
        label: found.at.name.to_string(),
        hint: format!("{kind} in {}", found.at.namespace),
        denied: None,
        does: Does::Go(path),
    }
}

/// How many choices are remembered.
const REMEMBERED: usize = 5;

/// What is kept of the choices made: a line each, the address and the label.
pub fn remember(kept: &str, chosen: &Entry) -> String {
    let Does::Go(path) = &chosen.does else { return kept.to_owned() };
    let line = format!("{path}\t{}\t{}", chosen.label, chosen.hint);
    let others = kept.lines().filter(|other| other.split('\t').next() != Some(path));
    let lines: Vec<_> = core::iter::once(line.as_str()).chain(others).take(REMEMBERED).collect();
    lines.join("\n")
}

/// The choices that were kept.
pub fn remembered(kept: &str) -> Vec<Entry> {
    let lines = kept.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let (path, label, hint) = (fields.next()?, fields.next()?, fields.next()?);
        path.starts_with('/').then(|| Entry {
            glyph: Glyph::Clock,
            label: label.to_owned(),
            hint: hint.to_owned(),
            denied: None,
            does: Does::Go(path.to_owned()),
        })
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use model::machine::ActionOffer;

    use super::*;

    fn machine() -> MachineRow {
        let offer = |action, denied: Option<&str>| ActionOffer { action, denied: denied.map(str::to_owned) };
        MachineRow {
            at: ObjectRef::parse("blue", "web").unwrap(),
            state: MachineState::Running,
            since: None,
            reason: None,
            cpus: None,
            memory_mib: None,
            node: None,
            addresses: Vec::new(),
            os: None,
            images: Vec::new(),
            labels: Vec::new(),
            used: None,
            created: None,
            actions: vec![
                offer(MachineAction::Start, Some("It runs already.")),
                offer(MachineAction::Stop, None),
                offer(MachineAction::ForceOff, None),
            ],
        }
    }

    fn labels(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.label.as_str()).collect()
    }

    #[test]
    fn an_action_that_is_not_possible_is_offered_with_its_reason() {
        let offered = entries("web", &[], Some(&machine()), &[], false);
        assert_eq!(offered[0].label, "Start web");
        assert_eq!(offered[0].denied.as_deref(), Some("It runs already."));
        assert!(offered[1].denied.is_none());
        assert!(!labels(&offered).iter().any(|label| label.contains("Force")), "what costs data asks on its page");
    }

    #[test]
    fn pages_are_found_by_each_word_and_only_an_administrator_is_led_to_the_doctor() {
        assert_eq!(labels(&entries("new mach", &[], None, &[], false)), ["New machine"]);
        assert!(labels(&entries("doc", &[], None, &[], false)).is_empty());
        assert_eq!(labels(&entries("doc", &[], None, &[], true)), ["Doctor"]);
    }

    #[test]
    fn what_was_found_by_name_comes_after_what_can_be_done_here() {
        let found = [Found { kind: FoundKind::Image, at: ObjectRef::parse("green", "webdisk").unwrap() }];
        let offered = entries("web", &[], Some(&machine()), &found, false);
        assert_eq!(offered.last().map(|entry| entry.hint.as_str()), Some("Image in green"));
    }

    #[test]
    fn the_last_choices_come_first_and_once() {
        let pages = entries("", &[], None, &[], false);
        let kept = remember(&remember("", &pages[1]), &pages[4]);
        let kept = remember(&kept, &pages[1]);
        let recent = remembered(&kept);
        assert_eq!(labels(&recent), ["Machines", "Images"]);
        let offered = entries("", &recent, None, &[], false);
        assert_eq!(labels(&offered)[..3], ["Machines", "Images", "Overview"]);
        assert_eq!(offered.len(), pages.len());
    }

    #[test]
    fn nothing_that_was_tampered_with_leads_elsewhere() {
        assert_eq!(remembered("https://evil.example\tx\ty\nnonsense"), []);
    }

    #[test]
    fn the_machine_in_view_is_that_of_its_page_and_its_screen() {
        let at = ObjectRef::parse("blue", "web").ok();
        assert_eq!(machine_in_view("/machines/blue/web"), at);
        assert_eq!(machine_in_view("/machines/blue/web/console"), at);
        assert_eq!(machine_in_view("/machines/new"), None);
        assert_eq!(machine_in_view("/pods/blue/web"), None);
    }
}
