//! Queries with names. The cluster knows nothing of them: they are in the database, under the person's account.

use model::query::Tab;
use model::query::view::{MAX_ADDRESS, MAX_VIEWS, View, built_in, name_problem};

use crate::Inner;
use crate::access::Actor;
use crate::error::{PortalError, Thing};
use crate::records::ViewRow;

impl Inner {
    pub(crate) async fn views(&self, actor: &Actor, tab: &Tab) -> Result<Vec<View>, PortalError> {
        let ours = built_in(tab).iter().map(|(name, q)| View {
            name: (*name).to_owned(),
            address: format!("q={}", encode(q)),
            is_built_in: true,
        });
        let own = self.records.views().list(&actor.account, tab.word).await?;
        let own = own.into_iter().map(|row| View { name: row.name, address: row.address, is_built_in: false });
        Ok(ours.chain(own).collect())
    }

    pub(crate) async fn save_view(
        &self,
        actor: &Actor,
        tab: &Tab,
        name: &str,
        address: &str,
    ) -> Result<(), PortalError> {
        let name = checked(tab, name, "name")?;
        if address.len() > MAX_ADDRESS {
            return Err(PortalError::field("address", "This view is too long to be kept. Narrow it by fewer words."));
        }
        let known = self.records.views().list(&actor.account, tab.word).await?;
        if known.len() >= MAX_VIEWS && known.iter().all(|row| row.name != name) {
            return Err(PortalError::field("name", format!("{MAX_VIEWS} views are kept. Delete one of them first.")));
        }
        let row = ViewRow { name: name.to_owned(), address: address.to_owned() };
        Ok(self.records.views().save(&actor.account, tab.word, &row).await?)
    }

    pub(crate) async fn rename_view(
        &self,
        actor: &Actor,
        tab: &Tab,
        name: &str,
        next: &str,
    ) -> Result<(), PortalError> {
        let next = checked(tab, next, "next")?;
        let known = self.records.views().list(&actor.account, tab.word).await?;
        if name != next && known.iter().any(|row| row.name == next) {
            return Err(PortalError::field("next", "Another one of your views has this name."));
        }
        let is_done = self.records.views().rename(&actor.account, tab.word, name, next).await?;
        if is_done { Ok(()) } else { Err(PortalError::NotFound(Thing::View)) }
    }

    pub(crate) async fn delete_view(&self, actor: &Actor, tab: &Tab, name: &str) -> Result<(), PortalError> {
        let is_done = self.records.views().remove(&actor.account, tab.word, name).await?;
        if is_done { Ok(()) } else { Err(PortalError::NotFound(Thing::View)) }
    }
}

fn checked<'a>(tab: &Tab, name: &'a str, field: &str) -> Result<&'a str, PortalError> {
    match name_problem(tab, name) {
        Some(problem) => Err(PortalError::field(field, problem)),
        None => Ok(name.trim()),
    }
}

/// Percent-encodes what an address may not hold as it is.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use crate::access::Account;
    use crate::records::AccountRow;
    use crate::testing::{Fake, allowed, ana};
    use model::ErrorCode;
    use model::query::key::{MACHINES, PODS};

    #[tokio::test]
    async fn views_are_kept_renamed_and_forgotten_and_those_of_the_tab_stay() {
        let fake = Fake::new(|_| allowed(false)).await;
        let (inner, ana) = (&fake.inner, ana());
        let account =
            Account { username: "ana".to_owned(), kubernetes_user: String::new(), kubernetes_groups: Vec::new() };
        inner.records.accounts().save(&AccountRow { account, password_hash: String::new() }).await.unwrap();
        let names = async || {
            let views = inner.views(&ana, &MACHINES).await.unwrap();
            views.into_iter().filter(|view| !view.is_built_in).map(|view| view.name).collect::<Vec<_>>()
        };
        inner.save_view(&ana, &MACHINES, " Mine ", "q=web").await.unwrap();
        assert_eq!(names().await, ["Mine"]);
        assert!(inner.views(&ana, &PODS).await.unwrap().iter().all(|view| view.is_built_in));

        let taken = inner.save_view(&ana, &MACHINES, "Running", "q=").await.unwrap_err().to_ui();
        assert_eq!((taken.code, taken.fields.contains_key("name")), (ErrorCode::Invalid, true));
        inner.rename_view(&ana, &MACHINES, "Mine", "Ours").await.unwrap();
        assert_eq!(names().await, ["Ours"]);
        let gone = inner.delete_view(&ana, &MACHINES, "Mine").await.unwrap_err().to_ui();
        assert_eq!(gone.code, ErrorCode::NotFound);
        inner.delete_view(&ana, &MACHINES, "Ours").await.unwrap();
        assert!(names().await.is_empty());
    }
}
