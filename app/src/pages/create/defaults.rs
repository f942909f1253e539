//! What a draft holds before anybody chose, and whether somebody did.

use model::create::{Boot, CreateOptions, ImageKind, MachineDraft, SystemCard, size};

/// Fills in what follows from the image and the system, where nothing was chosen.
pub(super) fn settle(draft: &mut MachineDraft, options: &CreateOptions) {
    if let Some(image) = options.image(&draft.image) {
        draft.boot = if image.kind == ImageKind::Iso { Boot::Iso } else { Boot::Image };
        if options.system(&image.preference).is_some() {
            draft.system.clone_from(&image.preference);
        }
        if options.size(&image.instancetype).is_some() && draft.instancetype.is_empty() {
            draft.instancetype.clone_from(&image.instancetype);
        }
        if draft.boot == Boot::Image && is_default_size(draft, options.system(&draft.system)) {
            draft.disk.clear();
        }
    }
    if draft.system.is_empty() {
        let known = ["ubuntu", "linux"].iter().find_map(|id| options.system(id)).or_else(|| options.systems.first());
        draft.system = known.map(|card| card.id.clone()).unwrap_or_default();
    }
    if let Some(card) = options.system(&draft.system).filter(|_| draft.cpus.is_empty() && draft.memory.is_empty()) {
        let disk = draft.disk.clone();
        default_size(draft, card);
        if draft.boot == Boot::Image {
            draft.disk = disk;
        }
    }
}

/// Enough to work well, not only to start.
pub(super) fn default_size(draft: &mut MachineDraft, card: &SystemCard) {
    draft.cpus = card.cpus.max(2).to_string();
    draft.memory = size::words(card.memory_mib.max(2048));
    if draft.boot != Boot::Image {
        draft.disk = size::words(card.disk_gib.max(1) * size::GIB_IN_MIB);
    }
}

/// Whether the size is still the one that was proposed.
pub(super) fn is_default_size(draft: &MachineDraft, card: Option<&SystemCard>) -> bool {
    let mut usual = MachineDraft { boot: draft.boot, disk: draft.disk.clone(), ..MachineDraft::default() };
    if let Some(card) = card {
        default_size(&mut usual, card);
    }
    let is_usual = |typed: &str, usual: &str| typed.is_empty() || typed == usual;
    is_usual(&draft.cpus, &usual.cpus) && is_usual(&draft.memory, &usual.memory)
}

/// Whether somebody typed what would be missed.
pub(super) fn is_typed(draft: &MachineDraft) -> bool {
    let texts = [&draft.name, &draft.container, &draft.user, &draft.ssh_keys, &draft.user_data, &draft.sysprep];
    texts.iter().any(|text| !text.is_empty())
        || draft.manifest.is_some()
        || !draft.password.0.is_empty()
        || !draft.disks.is_empty()
}

/// A draft as the browser keeps it.
pub(super) fn encode(draft: &MachineDraft) -> String {
    leptos::serde_json::to_string(draft).unwrap_or_default()
}

/// A draft that the browser kept.
pub(super) fn decode(text: &str) -> Option<MachineDraft> {
    leptos::serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::create::{ImageOption, built_in_systems};

    fn options() -> CreateOptions {
        let image = |at: &str, kind, preference: &str| ImageOption {
            at: at.to_owned(),
            kind,
            preference: preference.to_owned(),
            ..ImageOption::default()
        };
        CreateOptions {
            systems: built_in_systems(),
            images: vec![
                image("blue/win-iso", ImageKind::Iso, "windows.11"),
                image("blue/golden", ImageKind::DataSource, ""),
            ],
            ..CreateOptions::default()
        }
    }

    #[test]
    fn an_image_brings_its_system_and_a_size_along() {
        let mut draft = MachineDraft { image: "blue/win-iso".to_owned(), ..MachineDraft::default() };
        settle(&mut draft, &options());
        assert_eq!((draft.boot, draft.system.as_str()), (Boot::Iso, "windows.11"));
        assert_eq!((draft.cpus.as_str(), draft.memory.as_str(), draft.disk.as_str()), ("2", "4 GiB", "64 GiB"));
    }

    #[test]
    fn a_copy_is_as_large_as_its_image_unless_somebody_says_otherwise() {
        let mut draft = MachineDraft { image: "blue/golden".to_owned(), ..MachineDraft::default() };
        settle(&mut draft, &options());
        assert_eq!((draft.boot, draft.disk.as_str()), (Boot::Image, ""));
    }

    #[test]
    fn what_was_typed_comes_back_but_for_the_password() {
        let mut draft = MachineDraft { name: "web".to_owned(), ..MachineDraft::default() };
        draft.password.0 = "horse".to_owned();
        let back = decode(&encode(&draft.without_secrets())).unwrap();
        assert_eq!((back.name.as_str(), back.password.0.as_str()), ("web", ""));
        assert!(is_typed(&back) && !is_typed(&MachineDraft::default()));
    }
}
