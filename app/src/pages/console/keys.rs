//! Key combinations that a browser or a desktop keeps for itself.
//!
//! X11 keysyms and the names of physical keys; noVNC sends whichever the guest's side understands.

/// A name, and the keys pressed in order.
pub struct Combination {
    /// As people say it.
    pub label: &'static str,
    /// Keysym and physical key.
    pub keys: &'static [(u32, &'static str)],
}

const CONTROL: (u32, &str) = (0xffe3, "ControlLeft");
const ALT: (u32, &str) = (0xffe9, "AltLeft");
const SUPER: (u32, &str) = (0xffeb, "MetaLeft");

/// The one that has a button of its own.
pub const CONTROL_ALT_DELETE: &[(u32, &str)] = &[CONTROL, ALT, (0xffff, "Delete")];

/// What the menu offers.
pub const COMBINATIONS: &[Combination] = &[
    Combination { label: "Ctrl Alt Del", keys: CONTROL_ALT_DELETE },
    Combination { label: "Alt Tab", keys: &[ALT, (0xff09, "Tab")] },
    Combination { label: "Alt F4", keys: &[ALT, (0xffc1, "F4")] },
    Combination { label: "Windows key", keys: &[SUPER] },
    Combination { label: "Escape", keys: &[(0xff1b, "Escape")] },
    Combination { label: "Print Screen", keys: &[(0xff61, "PrintScreen")] },
    Combination { label: "Ctrl Alt F1", keys: &[CONTROL, ALT, (0xffbe, "F1")] },
    Combination { label: "Ctrl Alt F2", keys: &[CONTROL, ALT, (0xffbf, "F2")] },
    Combination { label: "Ctrl Alt F3", keys: &[CONTROL, ALT, (0xffc0, "F3")] },
    Combination { label: "Ctrl Alt F4", keys: &[CONTROL, ALT, (0xffc1, "F4")] },
    Combination { label: "Ctrl Alt F5", keys: &[CONTROL, ALT, (0xffc2, "F5")] },
    Combination { label: "Ctrl Alt F6", keys: &[CONTROL, ALT, (0xffc3, "F6")] },
    Combination { label: "Ctrl Alt F7", keys: &[CONTROL, ALT, (0xffc4, "F7")] },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_keys_have_consecutive_keysyms() {
        let function_keys: Vec<_> = COMBINATIONS
            .iter()
            .filter(|combination| combination.label.starts_with("Ctrl Alt F"))
            .filter_map(|combination| combination.keys.last())
            .collect();
        for (index, (keysym, code)) in function_keys.iter().enumerate() {
            assert_eq!(*code, format!("F{}", index + 1));
            assert_eq!(usize::try_from(*keysym).ok(), Some(0xffbe + index));
        }
    }
}
