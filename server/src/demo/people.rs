//! The demo's people: an administrator and one member of each team.

use portal::{Account, NewAccount, Portal, PortalError};
use rand::Rng;

/// Name and group; the name is also the Kubernetes user.
pub const PEOPLE: [(&str, &str, &str); 3] = [
    ("admin", "porthole:administrators", "sees everything"),
    ("ana", "porthole:team:blue", "team blue"),
    ("bo", "porthole:team:green", "team green"),
];

/// What the person at the terminal has to know about the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// The one that was given.
    Given,
    /// This one, made now and stored nowhere but as a hash.
    Generated(String),
    /// The one from an earlier start.
    Earlier,
}

/// Makes the people. Those who are there keep their password unless one is given.
pub async fn invite(portal: &Portal, given: Option<String>) -> Result<Password, PortalError> {
    let (password, told) = if let Some(given) = given {
        (given, Password::Given)
    } else {
        let there = portal.accounts().await?;
        if PEOPLE.iter().all(|(name, ..)| there.iter().any(|account| account.username == *name)) {
            return Ok(Password::Earlier);
        }
        let password = generate(&mut rand::rng());
        (password.clone(), Password::Generated(password))
    };
    for (name, group, _) in PEOPLE {
        let account = Account {
            username: name.to_owned(),
            kubernetes_user: name.to_owned(),
            kubernetes_groups: vec![group.to_owned()],
        };
        portal.save_account(NewAccount { account, password: password.clone() }).await?;
    }
    Ok(told)
}

/// Three groups of four that can be read out: 59 bits, without letters that look alike.
fn generate(rng: &mut impl Rng) -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut group = || (0..4).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect::<String>();
    [group(), group(), group()].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_passwords_can_be_read_out() {
        let password = generate(&mut rand::rng());
        assert_eq!(password.len(), 14);
        assert!(password.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit()));
        assert_ne!(password, generate(&mut rand::rng()));
    }
}
