use super::spec::GuestSpec;
use super::*;
use rfb::{ClientHandshake, ClientMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

async fn builtin() -> (tempfile::TempDir, Guests, mpsc::UnboundedReceiver<String>) {
    let folder = tempfile::tempdir().unwrap();
    let (guests, changed) = Guests::new(folder.path().join("guests"), true).await;
    (folder, guests, changed)
}

/// Shakes hands and asks for the whole screen once.
async fn look(guest: &Guest) -> (UnixStream, Vec<u8>) {
    let mut stream = guest.connect_screen().await.unwrap();
    let mut handshake = ClientHandshake::new(true);
    let mut buffer = vec![0; 65536];
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the screen's stream ended");
        let mut answer = Vec::new();
        let welcomed = handshake.advance(&buffer[..count], &mut answer).unwrap();
        stream.write_all(&answer).await.unwrap();
        if let Some(welcomed) = welcomed {
            let mut request = Vec::new();
            let (width, height) = (welcomed.init.width, welcomed.init.height);
            ClientMessage::UpdateRequest { incremental: false, x: 0, y: 0, width, height }.encode(&mut request);
            stream.write_all(&request).await.unwrap();
            let mut first = vec![0; 4];
            stream.read_exact(&mut first).await.unwrap();
            return (stream, first);
        }
    }
}

#[tokio::test]
async fn a_built_in_guest_has_a_screen_a_serial_console_and_a_picture() {
    let (_folder, guests, _changed) = builtin().await;
    let guest = guests.start(GuestSpec::sample("a")).await.unwrap();
    let (_stream, update) = look(&guest).await;
    assert_eq!(update, [0, 0, 0, 25], "an update with a rectangle for each row of characters");

    let mut session = guest.attach_serial().unwrap();
    session.keys.send("hi".into()).await.unwrap();
    let mut seen = String::new();
    while !seen.ends_with("hi") {
        seen.push_str(std::str::from_utf8(&session.output.recv().await.unwrap()).unwrap());
    }
    assert!(guest.screenshot().await.unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_built_in_guest_can_be_held_and_ends_when_asked() {
    let (_folder, guests, mut changed) = builtin().await;
    let guest = guests.start(GuestSpec::sample("a")).await.unwrap();
    guest.pause().await.unwrap();
    assert_eq!(changed.recv().await.as_deref(), Some("a"));
    assert_eq!(guest.state(), GuestState::Paused);
    guest.unpause().await.unwrap();
    assert_eq!(guest.state(), GuestState::Running);
    guest.power_button().await.unwrap();
    assert_eq!(guest.ended().await, End::Shutdown);
    guests.remove("a").await;
    assert!(guests.get("a").is_none());
}

#[tokio::test]
async fn the_end_of_a_guest_ends_the_streams_of_its_screen() {
    let (_folder, guests, _changed) = builtin().await;
    let guest = guests.start(GuestSpec::sample("a")).await.unwrap();
    let (mut stream, _) = look(&guest).await;
    guest.switch_off().await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
}
