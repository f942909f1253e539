//! Keyboard shortcuts: which keys mean which command.
//!
//! A letter alone acts at once; `g` waits for the letter that says where to go. Keys that belong to a field, a
//! menu or the browser (with Control, Alt or Command held) are nobody's business here.

/// What a key press asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open the palette.
    Palette,
    /// Put the cursor into the search field.
    Search,
    /// Open or close the list of shortcuts.
    Help,
    /// Open a page.
    Go(&'static str),
    /// Move to another row.
    Move(i32),
    /// Start the machine in hand.
    Start,
    /// Stop the machine in hand.
    Stop,
    /// Open the screen of the machine in hand.
    Console,
}

/// The state between two keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    goes: bool,
}

impl Keys {
    /// Takes one key (as `KeyboardEvent.key` names it) and says what it asks for.
    pub fn press(&mut self, key: &str) -> Option<Command> {
        let went = core::mem::take(&mut self.goes);
        if went {
            return match key {
                "o" => Some(Command::Go(crate::paths::OVERVIEW)),
                "m" => Some(Command::Go(crate::paths::MACHINES)),
                "c" => Some(Command::Go(crate::paths::CONTAINERS)),
                "i" => Some(Command::Go(crate::paths::IMAGES)),
                "t" => Some(Command::Go(crate::paths::TEMPLATES)),
                "n" => Some(Command::Go(crate::paths::NEW_MACHINE)),
                _ => None,
            };
        }
        match key {
            "g" => {
                self.goes = true;
                None
            }
            PALETTE => Some(Command::Palette),
            "/" => Some(Command::Search),
            "?" => Some(Command::Help),
            "j" | "ArrowDown" => Some(Command::Move(1)),
            "k" | "ArrowUp" => Some(Command::Move(-1)),
            "s" => Some(Command::Start),
            "x" => Some(Command::Stop),
            "c" => Some(Command::Console),
            _ => None,
        }
    }
}

/// What a press of Control or Command with K counts as, wherever the focus is.
pub const PALETTE: &str = "Ctrl K";

/// The list that the help shows: keys, and what they do.
pub const HELP: &[(&[&str], &str)] = &[
    (&[PALETTE], "Go to a page, find by name, do something"),
    (&["/"], "Search"),
    (&["g", "o"], "Go to the overview"),
    (&["g", "m"], "Go to machines"),
    (&["g", "c"], "Go to containers"),
    (&["g", "i"], "Go to images"),
    (&["g", "t"], "Go to templates"),
    (&["g", "n"], "Make a new machine"),
    (&["j", "k"], "Next, previous row"),
    (&["Enter"], "Open the row"),
    (&["c"], "Open the screen"),
    (&["s"], "Start the machine"),
    (&["x"], "Stop the machine"),
    (&["Escape"], "Close what stands in front"),
    (&["?"], "Show this list"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[&str]) -> Vec<Option<Command>> {
        let mut state = Keys::default();
        keys.iter().map(|key| state.press(key)).collect()
    }

    #[test]
    fn g_waits_for_the_place_to_go_to() {
        assert_eq!(typed(&["g", "m"]), [None, Some(Command::Go("/machines"))]);
        assert_eq!(typed(&["g", "c", "c"]), [None, Some(Command::Go("/containers")), Some(Command::Console)]);
    }

    #[test]
    fn a_place_that_does_not_exist_ends_the_waiting() {
        assert_eq!(typed(&["g", "z", "s"]), [None, None, Some(Command::Start)]);
    }

    #[test]
    fn every_key_of_the_help_does_something() {
        for (keys, what) in HELP.iter().filter(|(keys, _)| !["Enter", "Escape"].contains(&keys[0])) {
            let mut state = Keys::default();
            let commands: Vec<_> = keys.iter().map(|key| state.press(key)).collect();
            assert!(commands.last().is_some_and(Option::is_some), "{what}");
        }
    }
}
