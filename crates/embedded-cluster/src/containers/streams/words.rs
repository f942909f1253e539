//! A session with a container that is a stand-in.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::channels::{self, ERRORS, FromClient, OUTPUT};
use crate::containers::stand_in::{Answer, StandIn};

const BACKSPACE: [u8; 2] = [0x08, 0x7f];
const END_OF_INPUT: u8 = 0x04;
const INTERRUPT: u8 = 0x03;

/// Answers a command, or line after line where it asks for a shell; the exit code.
pub(super) async fn answer(
    one: &StandIn,
    command: &[String],
    has_terminal: bool,
    out: &mpsc::Sender<Bytes>,
    mut typed: mpsc::Receiver<FromClient>,
) -> i32 {
    let mut talk = Talk { one, has_terminal, out, line: Vec::new(), code: 0 };
    if !StandIn::is_session(command) {
        return talk.tell(one.run(command)).await;
    }
    talk.say(OUTPUT, &one.greeting()).await;
    talk.prompt().await;
    while let Some(message) = typed.recv().await {
        let is_over = match message {
            FromClient::Input(bytes) => talk.input(&bytes).await,
            FromClient::InputEnds => {
                talk.enter().await;
                true
            }
            FromClient::Resize { .. } => false,
        };
        if is_over {
            break;
        }
    }
    talk.code
}

struct Talk<'a> {
    one: &'a StandIn,
    has_terminal: bool,
    out: &'a mpsc::Sender<Bytes>,
    line: Vec<u8>,
    code: i32,
}

impl Talk<'_> {
    /// What was typed; whether the session is over. A terminal shows what is typed only if it is sent back.
    async fn input(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            match *byte {
                b'\r' | b'\n' => {
                    self.echo("\r\n").await;
                    if self.enter().await {
                        return true;
                    }
                    self.prompt().await;
                }
                END_OF_INPUT if self.line.is_empty() => return true,
                INTERRUPT => {
                    self.line.clear();
                    self.echo("^C\r\n").await;
                    self.prompt().await;
                }
                byte if BACKSPACE.contains(&byte) => {
                    if self.line.pop().is_some() {
                        self.echo("\u{8} \u{8}").await;
                    }
                }
                byte if byte >= b' ' || byte == b'\t' => {
                    self.line.push(byte);
                    self.echo(&String::from_utf8_lossy(&[byte])).await;
                }
                _ => {}
            }
        }
        false
    }

    async fn enter(&mut self) -> bool {
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        let answer = self.one.line(&line);
        let is_over = answer.is_over;
        self.code = self.tell(answer).await;
        is_over
    }

    async fn tell(&mut self, answer: Answer) -> i32 {
        self.say(OUTPUT, &answer.output).await;
        self.say(if self.has_terminal { OUTPUT } else { ERRORS }, &answer.errors).await;
        answer.code
    }

    async fn prompt(&self) {
        if self.has_terminal {
            self.say(OUTPUT, &self.one.prompt()).await;
        }
    }

    async fn echo(&self, text: &str) {
        if self.has_terminal {
            self.say(OUTPUT, text).await;
        }
    }

    async fn say(&self, channel: u8, text: &str) {
        if text.is_empty() {
            return;
        }
        // A terminal begins a line only where it is told to.
        let shown = if self.has_terminal { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text.to_owned() };
        // The client may be gone.
        let _ = self.out.send(channels::write(channel, shown.as_bytes())).await;
    }
}
