//! What every implementation of the repositories does, as tests that take one.

use super::{
    AccountRepository, AccountRow, SessionRepository, SessionRow, UploadRepository, UploadRow, ViewRepository, ViewRow,
};
use crate::access::Account;

fn account(username: &str, hash: &str) -> AccountRow {
    AccountRow {
        account: Account {
            username: username.to_owned(),
            kubernetes_user: format!("user:{username}"),
            kubernetes_groups: vec!["one".to_owned(), "two \"quoted\"".to_owned()],
        },
        password_hash: hash.to_owned(),
    }
}

pub(super) async fn accounts(repository: &dyn AccountRepository) {
    assert_eq!(repository.find("ana").await.unwrap(), None);
    repository.save(&account("bo", "1")).await.unwrap();
    repository.save(&account("ana", "1")).await.unwrap();
    assert_eq!(repository.find("ana").await.unwrap(), Some(account("ana", "1")), "it comes back as it was stored");
    assert_eq!(repository.find("Ana").await.unwrap(), None, "case matters");

    repository.keep_ssh_keys("ana", "ssh-ed25519 AAAA ana").await.unwrap();
    repository.save(&account("ana", "2")).await.unwrap();
    assert_eq!(repository.ssh_keys("ana").await.unwrap(), "ssh-ed25519 AAAA ana", "a new password changes no key");
    assert_eq!(
        (repository.ssh_keys("bo").await.unwrap(), repository.ssh_keys("nobody").await.unwrap()),
        <_>::default()
    );
    assert_eq!(repository.list().await.unwrap(), [account("ana", "2"), account("bo", "1")], "replaced, and by name");

    assert!(repository.remove("ana").await.unwrap());
    assert!(!repository.remove("ana").await.unwrap(), "there is nothing left to remove");
    assert_eq!(repository.list().await.unwrap(), [account("bo", "1")]);
}

fn session(id: &str, data: &str, expires_at: i64) -> SessionRow {
    SessionRow { id: id.to_owned(), data: data.to_owned(), expires_at }
}

pub(super) async fn sessions(repository: &dyn SessionRepository) {
    assert!(repository.create(&session("a", "{}", 100)).await.unwrap());
    assert!(!repository.create(&session("a", "{\"other\":1}", 100)).await.unwrap(), "an id is never given twice");
    assert_eq!(repository.load("a", 50).await.unwrap(), Some(session("a", "{}", 100)));
    assert_eq!(repository.load("a", 100).await.unwrap(), None, "it has expired");

    repository.save(&session("a", "{\"x\":1}", 200)).await.unwrap();
    repository.save(&session("b", "{}", 300)).await.unwrap();
    assert_eq!(repository.load("a", 150).await.unwrap(), Some(session("a", "{\"x\":1}", 200)));

    assert_eq!(repository.delete_expired(200).await.unwrap(), ["a"]);
    assert_eq!(repository.load("a", 0).await.unwrap(), None);
    repository.delete("b").await.unwrap();
    repository.delete("b").await.unwrap();
    assert_eq!(repository.load("b", 0).await.unwrap(), None);
}

pub(super) async fn uploads(repository: &dyn UploadRepository) {
    let row = |id: &str| UploadRow {
        id: id.to_owned(),
        account: "ana".to_owned(),
        request: "{}".to_owned(),
        volume_uid: "u".to_owned(),
        heard_at: 7,
        is_sent: false,
        ending: None,
    };
    repository.save(&row("b")).await.unwrap();
    repository.save(&row("a")).await.unwrap();
    assert_eq!(repository.list().await.unwrap(), [row("a"), row("b")], "by id");

    let ended = UploadRow { is_sent: true, ending: Some("cancelled".to_owned()), heard_at: 9, ..row("a") };
    repository.save(&ended).await.unwrap();
    assert_eq!(repository.list().await.unwrap(), [ended, row("b")], "replaced");

    repository.remove("a").await.unwrap();
    repository.remove("a").await.unwrap();
    assert_eq!(repository.list().await.unwrap(), [row("b")]);
}

/// `accounts` are of the same database: views belong to them and go with them.
pub(super) async fn views(repository: &dyn ViewRepository, accounts: &dyn AccountRepository) {
    for name in ["ana", "bo"] {
        accounts.save(&account(name, "1")).await.unwrap();
    }
    let view = |name: &str, address: &str| ViewRow { name: name.to_owned(), address: address.to_owned() };
    repository.save("ana", "machines", &view("b", "q=1")).await.unwrap();
    repository.save("ana", "machines", &view("a", "q=2")).await.unwrap();
    repository.save("ana", "pods", &view("a", "q=3")).await.unwrap();
    repository.save("bo", "machines", &view("a", "q=4")).await.unwrap();
    let of_ana = async || repository.list("ana", "machines").await.unwrap();
    assert_eq!(of_ana().await, [view("a", "q=2"), view("b", "q=1")], "by name, each person's and tab's own");

    repository.save("ana", "machines", &view("a", "q=5")).await.unwrap();
    assert_eq!(of_ana().await[0], view("a", "q=5"), "replaced");
    assert!(!repository.rename("ana", "machines", "a", "b").await.unwrap(), "the name is taken");
    assert!(repository.rename("ana", "machines", "a", "c").await.unwrap());
    assert!(!repository.rename("ana", "machines", "a", "d").await.unwrap(), "it has another name now");
    assert_eq!(of_ana().await, [view("b", "q=1"), view("c", "q=5")]);

    assert!(repository.remove("ana", "machines", "b").await.unwrap());
    assert!(!repository.remove("ana", "machines", "b").await.unwrap());
    assert_eq!(repository.list("bo", "machines").await.unwrap(), [view("a", "q=4")], "others keep theirs");
    accounts.remove("bo").await.unwrap();
    assert!(repository.list("bo", "machines").await.unwrap().is_empty(), "they go with their account");
}
