//! Password hashes: argon2id, as PHC strings.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// The least characters of a password.
pub(super) const MIN_LENGTH: usize = 8;
/// Longer ones are cut, so that nobody makes the server hash megabytes.
const MAX_BYTES: usize = 1024;
/// Hashes at once: each takes 19 MiB and a processor for some tens of milliseconds.
const AT_ONCE: usize = 2;

/// What an unknown name is checked against, so that it takes as long as a known one. No password fits.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$cG9ydGhvbGVub2JvZHk$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and checks passwords away from the runtime's threads.
#[derive(Clone, Debug)]
pub(super) struct Passwords(Arc<Semaphore>);

impl Passwords {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    pub(super) async fn hash(&self, password: String) -> Result<String, String> {
        let hash = self.work(move || {
            let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>())?;
            Argon2::default().hash_password(bytes(&password), &salt).map(|hash| hash.to_string())
        });
        hash.await.ok_or("the task was cancelled")?.map_err(|error| error.to_string())
    }

    /// Whether the password fits the hash; without a hash it does not, after the same work.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> bool {
        let is_known = hash.is_some();
        let check = self.work(move || {
            let hash = hash.as_deref().unwrap_or(NOBODY);
            PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(bytes(&password), &hash).is_ok())
        });
        check.await.unwrap_or(false) && is_known
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _permit = self.0.acquire().await.ok()?;
        spawn_blocking(work).await.ok()
    }
}

fn bytes(password: &str) -> &[u8] {
    &password.as_bytes()[..password.len().min(MAX_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_for_unknown_names_costs_as_much_as_a_real_one() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = argon2::Params::try_from(&nobody).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), {
            let usual = argon2::Params::default();
            (usual.m_cost(), usual.t_cost(), usual.p_cost())
        });
        assert!(nobody.hash.is_some() && nobody.salt.is_some());
    }

    #[tokio::test]
    async fn hashes_are_argon2id_and_differ_for_the_same_password() {
        let passwords = Passwords::new();
        let (one, two) = (passwords.hash("same".into()).await.unwrap(), passwords.hash("same".into()).await.unwrap());
        assert!(one.starts_with("$argon2id$") && one != two);
        assert!(passwords.verify("same".into(), Some(two)).await);
        assert!(!passwords.verify("same".into(), None).await);
    }
}
