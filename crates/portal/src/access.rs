//! People: who they are, how they sign in, and what the cluster lets them do.
//!
//! An [`Account`] is a name that signs in together with the identity that the cluster knows the person by: a
//! user and groups. Whoever signed in acts as an [`Actor`]. What an actor may see is decided by the cluster's
//! own RBAC, asked with access reviews (`permissions`); what they do goes out under their name, so that the
//! cluster decides a second time.

mod password;
pub(crate) mod permissions;
mod throttle;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{ErrorCode, UiError};

use crate::clock::Clock;
use crate::records::{AccountRow, Records, RecordsError};
pub(crate) use permissions::{Ask, Permissions, Visible};
use throttle::{Throttle, Verdict};

/// The session's id as the session store has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub String);

/// Whoever acts: an account with the identity that the cluster knows it by, in one session.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The account's name.
    pub account: String,
    /// The user as Kubernetes knows them.
    pub user: String,
    /// Their groups there.
    pub groups: Vec<String>,
    /// The session in which they act; its end ends their consoles.
    pub session: SessionId,
}

impl Actor {
    /// The identity as one text, for keys of caches.
    pub(crate) fn identity(&self) -> String {
        let mut key = self.user.clone();
        for group in &self.groups {
            key.push('\n');
            key.push_str(group);
        }
        key
    }
}

/// A local account, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name that signs in.
    pub username: String,
    /// The user as Kubernetes knows them.
    pub kubernetes_user: String,
    /// Their groups there.
    pub kubernetes_groups: Vec<String>,
}

impl Account {
    /// The account as it acts in a session.
    pub fn into_actor(self, session: SessionId) -> Actor {
        Actor { account: self.username, user: self.kubernetes_user, groups: self.kubernetes_groups, session }
    }
}

/// An account to be made, with its password.
#[derive(Clone)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// Its password in plain text; only the hash is stored.
    pub password: String,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount").field("account", &self.account).finish_non_exhaustive()
    }
}

/// Why somebody could not sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Name or password is wrong; which one is not told.
    #[error("wrong name or password")]
    Wrong,
    /// Too many guesses for this account or from this address.
    #[error("too many attempts")]
    Throttled {
        /// When the next attempt is looked at.
        retry_after: Duration,
    },
    /// The database does not answer.
    #[error("accounts cannot be read")]
    Records(#[from] RecordsError),
}

impl SignInError {
    /// The error as a person reads it.
    pub fn to_ui(&self) -> UiError {
        match self {
            Self::Wrong => UiError::new(ErrorCode::SignedOut, "The name or the password is wrong."),
            Self::Throttled { retry_after } => {
                let minutes = retry_after.as_secs().div_ceil(60).max(1);
                let unit = if minutes == 1 { "minute" } else { "minutes" };
                UiError::new(ErrorCode::TooMany, format!("Too many attempts. Try again in {minutes} {unit}."))
            }
            Self::Records(_) => UiError::new(ErrorCode::Internal, "Signing in does not work at the moment."),
        }
    }
}

/// Why an account was not stored.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name is empty, too long or holds other than letters, digits and `.`, `-`, `_`, `@`.
    #[error("an account's name has 1 to 64 letters, digits, '.', '-', '_' or '@'")]
    Username,
    /// The password is too short.
    #[error("a password has at least {} characters", password::MIN_LENGTH)]
    Password,
    /// The identity cannot be put into a request's header.
    #[error("the Kubernetes user and groups have to be printable text without spaces around it")]
    Identity,
    /// The password could not be hashed.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
    /// The database does not answer.
    #[error("the account cannot be stored")]
    Records(#[from] RecordsError),
}

/// Accounts and signing in. Works without a cluster, so that a command can create the first account.
#[derive(Clone, Debug)]
pub struct Accounts {
    records: Records,
    throttle: Arc<Throttle>,
    passwords: password::Passwords,
}

impl Accounts {
    /// Accounts of one database.
    pub fn new(records: Records, clock: Arc<dyn Clock>) -> Self {
        Self { records, throttle: Arc::new(Throttle::new(clock)), passwords: password::Passwords::new() }
    }

    /// Creates an account or replaces it, password included.
    pub async fn save(&self, new: NewAccount) -> Result<(), AccountError> {
        let NewAccount { account, password } = new;
        check(&account)?;
        if password.chars().count() < password::MIN_LENGTH {
            return Err(AccountError::Password);
        }
        let password_hash = self.passwords.hash(password).await.map_err(AccountError::Hash)?;
        self.records.accounts().save(&AccountRow { account, password_hash }).await?;
        Ok(())
    }

    /// All accounts by name.
    pub async fn list(&self) -> Result<Vec<Account>, RecordsError> {
        Ok(self.records.accounts().list().await?.into_iter().map(|row| row.account).collect())
    }

    /// One account.
    pub async fn find(&self, username: &str) -> Result<Option<Account>, RecordsError> {
        Ok(self.records.accounts().find(username).await?.map(|row| row.account))
    }

    /// Removes an account; tells whether there was one.
    pub async fn remove(&self, username: &str) -> Result<bool, RecordsError> {
        self.records.accounts().remove(username).await
    }

    /// Checks a name and password.
    ///
    /// Guesses are counted before the password is looked at, so that many at once gain nothing, and an unknown
    /// name costs the same time as a wrong password.
    pub async fn sign_in(&self, username: &str, password: &str, from: IpAddr) -> Result<Account, SignInError> {
        let outcome = self.check_sign_in(username, password, from).await;
        let result = match &outcome {
            Ok(_) => "ok",
            Err(SignInError::Wrong) => "wrong",
            Err(SignInError::Throttled { .. }) => "throttled",
            Err(SignInError::Records(_)) => "failed",
        };
        metrics::counter!("porthole_sign_ins_total", "result" => result).increment(1);
        outcome
    }

    async fn check_sign_in(&self, username: &str, password: &str, from: IpAddr) -> Result<Account, SignInError> {
        let name: String = username.chars().take(64).collect::<String>().to_lowercase();
        if let Verdict::Wait(retry_after) = self.throttle.attempt(&name, from) {
            return Err(SignInError::Throttled { retry_after });
        }
        let row = self.records.accounts().find(username).await?;
        let hash = row.as_ref().map(|row| row.password_hash.clone());
        let is_right = self.passwords.verify(password.to_owned(), hash).await;
        match row.filter(|_| is_right) {
            Some(row) => {
                self.throttle.succeeded(&name, from);
                Ok(row.account)
            }
            None => Err(SignInError::Wrong),
        }
    }
}

fn check(account: &Account) -> Result<(), AccountError> {
    let name = &account.username;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_@".contains(c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        return Err(AccountError::Username);
    }
    let is_value =
        |text: &str| !text.is_empty() && text.trim() == text && text.chars().all(|c| (' '..='~').contains(&c));
    if !is_value(&account.kubernetes_user) || !account.kubernetes_groups.iter().all(|group| is_value(group)) {
        return Err(AccountError::Identity);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    async fn accounts() -> (Accounts, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        let accounts = Accounts::new(Records::in_memory().await.unwrap(), clock.clone());
        accounts.save(new("ana", "correct horse")).await.unwrap();
        (accounts, clock)
    }

    fn new(username: &str, password: &str) -> NewAccount {
        let account = Account {
            username: username.to_owned(),
            kubernetes_user: username.to_owned(),
            kubernetes_groups: vec!["porthole:team:blue".to_owned()],
        };
        NewAccount { account, password: password.to_owned() }
    }

    #[tokio::test]
    async fn the_right_password_signs_in_and_a_wrong_one_or_name_does_not() {
        let (accounts, _) = accounts().await;
        let account = accounts.sign_in("ana", "correct horse", HERE).await.unwrap();
        assert_eq!(account.kubernetes_groups, ["porthole:team:blue"]);
        assert!(matches!(accounts.sign_in("ana", "wrong horse", HERE).await, Err(SignInError::Wrong)));
        assert!(matches!(accounts.sign_in("eve", "correct horse", HERE).await, Err(SignInError::Wrong)));
    }

    #[tokio::test]
    async fn guesses_are_slowed_down_until_some_time_has_passed() {
        let (accounts, clock) = accounts().await;
        for _ in 0..throttle::PER_ACCOUNT {
            assert!(matches!(accounts.sign_in("ana", "guess", HERE).await, Err(SignInError::Wrong)));
        }
        let Err(SignInError::Throttled { retry_after }) = accounts.sign_in("ana", "correct horse", HERE).await else {
            panic!("one guess too many")
        };
        clock.advance(retry_after);
        accounts.sign_in("ana", "correct horse", HERE).await.unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_a_header_or_a_name_is_not_stored() {
        let (accounts, _) = accounts().await;
        assert!(matches!(accounts.save(new("a b", "long enough")).await, Err(AccountError::Username)));
        assert!(matches!(accounts.save(new("bo", "short")).await, Err(AccountError::Password)));
        let mut odd = new("bo", "long enough");
        odd.account.kubernetes_groups.push("a\nImpersonate-User: root".to_owned());
        assert!(matches!(accounts.save(odd).await, Err(AccountError::Identity)));
    }

    #[test]
    fn debugging_shows_no_password() {
        assert!(!format!("{:?}", new("ana", "correct horse")).contains("horse"));
    }
}
