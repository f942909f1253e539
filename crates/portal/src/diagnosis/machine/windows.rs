//! Which Windows a machine holds, as far as its objects tell. No rule; several rules ask it.

use kubevirt::domain::InstanceSpec;

use super::super::machine_case::MachineCase;

/// Generations of Windows that ask for different devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Windows {
    /// XP and Server 2003.
    Ancient,
    /// 7 and Server 2008: today's drivers are signed in a way that they do not know.
    Seven,
    /// 11: its Setup looks at the machine before it installs.
    Eleven,
    Other,
}

impl Windows {
    /// `None` if nothing says that it is Windows.
    pub(super) fn of(case: &MachineCase) -> Option<Self> {
        Self::named(&clues(case))
    }

    fn named(clues: &str) -> Option<Self> {
        let words: Vec<_> = clues.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let is = |names: &[&str], versions: &[&str]| {
            words.iter().any(|word| names.contains(word))
                || words.windows(2).any(|pair| pair[0] == "windows" && versions.contains(&pair[1]))
        };
        if is(&["winxp", "win2k3", "windowsxp", "2k3"], &["xp", "2k3", "2003"]) {
            Some(Self::Ancient)
        } else if is(&["win7", "windows7", "w7", "2k8", "win2k8", "2008r2"], &["7", "2k8", "2008"]) {
            Some(Self::Seven)
        } else if is(&["win11", "windows11", "w11"], &["11"]) {
            Some(Self::Eleven)
        } else {
            words.iter().any(|word| *word == "windows" || is_short_name(word)).then_some(Self::Other)
        }
    }
}

/// Whether a disc is in, so that Setup may be what runs: an installed Windows asks for less.
pub(super) fn is_in_setup(spec: &InstanceSpec) -> bool {
    spec.domain.devices.disks.iter().any(|disk| disk.cdrom.is_some())
}

/// `win10`, `win2k19`, `windows11`.
fn is_short_name(word: &str) -> bool {
    let version = word.strip_prefix("windows").or_else(|| word.strip_prefix("win"));
    version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// Everything that may name the guest's system, in lower case.
fn clues(case: &MachineCase) -> String {
    let mut clues = String::new();
    let mut add = |text: &str| {
        clues.push_str(&text.to_lowercase());
        clues.push(' ');
    };
    if let Some(vm) = case.vm.as_deref() {
        vm.spec.preference.iter().for_each(|preference| add(&preference.name));
        let template = &vm.spec.template.metadata;
        for (key, value) in [&vm.metadata.labels, &vm.metadata.annotations, &template.labels, &template.annotations]
            .into_iter()
            .flatten()
            .filter(|(key, _)| {
                key.contains("os.template") || key.contains("vm.kubevirt.io/os") || key.contains("preference")
            })
        {
            add(key);
            add(value);
        }
    }
    for volume in case.spec().into_iter().flat_map(|spec| &spec.volumes) {
        volume.detail().into_iter().for_each(&mut add);
    }
    clues
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_generation() {
        for (clues, windows) in [
            ("windows.11.virtio", Some(Windows::Eleven)),
            ("win11-24h2-x64", Some(Windows::Eleven)),
            ("windows.2k25", Some(Windows::Other)),
            ("windows.7", Some(Windows::Seven)),
            ("windows.xp", Some(Windows::Ancient)),
            ("windows.2k3", Some(Windows::Ancient)),
            ("win10", Some(Windows::Other)),
            ("fedora-42 twinkle", None),
        ] {
            assert_eq!(Windows::named(clues), windows, "{clues}");
        }
    }
}
