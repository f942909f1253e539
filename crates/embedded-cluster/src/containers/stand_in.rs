//! What takes a container's place where nothing can be run: it says what it stands in for, and answers a few words.
//!
//! It is no shell and does not pretend to be one: it knows the commands of [`HELP`], says that it runs nothing of the image,
//! and refuses everything else.

use crate::clock;

/// What it can do.
const HELP: &str = "commands: echo, env, hostname, date, pwd, true, false, help, exit [code]\n";
/// What a shell says that does not find a program.
const NOT_FOUND: i32 = 127;

/// One container's stand-in.
#[derive(Clone, Debug)]
pub(super) struct StandIn {
    pub(super) image: String,
    pub(super) why: String,
    pub(super) host: String,
    pub(super) variables: Vec<(String, String)>,
}

/// What came of one line or command.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) output: String,
    pub(super) errors: String,
    pub(super) code: i32,
    /// Whether the session is over.
    pub(super) is_over: bool,
}

impl StandIn {
    /// What it says about itself, in one line.
    pub(super) fn label(&self) -> String {
        format!("Porthole's built-in container stands in for image {}: nothing is run ({})", self.image, self.why)
    }

    /// The first lines of a session.
    pub(super) fn greeting(&self) -> String {
        format!("{}\n{HELP}", self.label())
    }

    /// What stands before each line of a session.
    pub(super) fn prompt(&self) -> String {
        format!("stand-in@{}> ", self.host)
    }

    /// Whether a command asks for a session rather than for one answer.
    pub(super) fn is_session(command: &[String]) -> bool {
        let program = command.first().map(|program| program.rsplit('/').next().unwrap_or_default());
        matches!(program, Some("sh" | "bash" | "ash" | "dash")) && !command.iter().any(|word| word == "-c")
    }

    /// Answers a command.
    pub(super) fn run(&self, command: &[String]) -> Answer {
        let program = command.first().map(|program| program.rsplit('/').next().unwrap_or_default()).unwrap_or_default();
        if matches!(program, "sh" | "bash" | "ash" | "dash") {
            let line = command.iter().skip_while(|word| *word != "-c").nth(1);
            return line.map_or_else(Answer::default, |line| self.line(line));
        }
        let rest = &command[command.len().min(1)..];
        self.word(program, &rest.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Answers a line: commands one after the other.
    pub(super) fn line(&self, line: &str) -> Answer {
        let mut whole = Answer::default();
        for command in line.split([';', '\n']).map(str::trim).filter(|command| !command.is_empty()) {
            let words: Vec<&str> = command.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
            let one = self.word(words[0], &words[1..]);
            whole.output.push_str(&one.output);
            whole.errors.push_str(&one.errors);
            (whole.code, whole.is_over) = (one.code, one.is_over);
            if whole.is_over {
                break;
            }
        }
        whole
    }

    fn word(&self, program: &str, rest: &[&str]) -> Answer {
        let said = |output: String| Answer { output, ..Answer::default() };
        match program {
            "echo" => said(format!("{}\n", rest.join(" "))),
            "env" | "printenv" => {
                said(self.variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect())
            }
            "hostname" => said(format!("{}\n", self.host)),
            "date" => said(format!("{}\n", clock::now_seconds())),
            "pwd" => said("/\n".to_owned()),
            "true" | ":" => Answer::default(),
            "false" => Answer { code: 1, ..Answer::default() },
            "help" => said(self.greeting()),
            "exit" => {
                let code = rest.first().and_then(|code| code.parse().ok()).unwrap_or(0);
                Answer { code, is_over: true, ..Answer::default() }
            }
            other => Answer {
                errors: format!("{other}: not found: {}\n{HELP}", self.label()),
                code: NOT_FOUND,
                ..Answer::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_what_it_can_and_says_what_it_is_to_all_else() {
        let one = StandIn {
            image: "nginx".into(),
            why: "offline".into(),
            host: "web-0".into(),
            variables: vec![("A".into(), "1".into())],
        };
        let run = |command: &[&str]| one.run(&command.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(run(&["echo", "a", "b"]).output, "a b\n");
        assert_eq!(
            run(&["sh", "-c", "echo 'x'; exit 3"]),
            Answer { output: "x\n".into(), code: 3, is_over: true, ..Answer::default() }
        );
        assert_eq!(run(&["/usr/bin/env"]).output, "A=1\n");
        let refused = run(&["nginx", "-t"]);
        assert_eq!(refused.code, 127);
        assert!(refused.errors.contains("stands in for image nginx: nothing is run"), "{}", refused.errors);
    }
}
