//! What is done with lists: saved views, and one action on many rows.

#![cfg_attr(feature = "ssr", expect(clippy::unused_async, reason = "the browser's half of every function awaits"))]
#![expect(clippy::too_many_arguments, reason = "a plain form sends each of its fields as an argument")]

use leptos::prelude::*;
use model::query::bulk::BulkRun;
use model::query::view::View;

use super::{Answer, Wire};

/// The views of a tab: those that come with it, then the person's own.
#[server(endpoint = "inventory/views", protocol = Wire)]
pub async fn get_views(tab: String) -> Answer<Vec<View>> {
    let cx = crate::ssr::request_cx()?;
    let tab = model::query::Tab::from_word(&tab).ok_or_else(|| cx.not_found("list"))?;
    cx.portal.views(&cx.actor, tab).await.map_err(|error| cx.fail(&error))
}

/// Keeps the list as it is shown under a name; a view of that name is replaced. `address` is the query of the list's
/// address.
#[server(endpoint = "inventory/save-view", protocol = Wire)]
pub async fn save_view(tab: String, name: String, address: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let tab = model::query::Tab::from_word(&tab).ok_or_else(|| cx.not_found("list"))?;
    if !is_address(&address) {
        return Err(cx.invalid("This is no address of a list."));
    }
    cx.portal.save_view(&cx.actor, tab, &name, &address).await.map_err(|error| cx.fail(&error))?;
    let view = View { name: name.trim().to_owned(), address, is_built_in: false };
    crate::ssr::lead_on(&crate::paths::view(crate::paths::tab(tab), &view));
    Ok(())
}

/// Gives one of the person's views another name.
#[server(endpoint = "inventory/rename-view", protocol = Wire)]
pub async fn rename_view(tab: String, name: String, next: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let tab = model::query::Tab::from_word(&tab).ok_or_else(|| cx.not_found("list"))?;
    cx.portal.rename_view(&cx.actor, tab, &name, &next).await.map_err(|error| cx.fail(&error))
}

/// Forgets one of the person's views.
#[server(endpoint = "inventory/delete-view", protocol = Wire)]
pub async fn delete_view(tab: String, name: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let tab = model::query::Tab::from_word(&tab).ok_or_else(|| cx.not_found("list"))?;
    cx.portal.delete_view(&cx.actor, tab, &name).await.map_err(|error| cx.fail(&error))
}

/// Does one thing with many rows: those in `at` (`namespace/name`, workloads as `kind/namespace/name`), all that the list at `address` means if `scope` is
/// `all`, or those that the run `again` did not do.
#[server(endpoint = "inventory/act", protocol = Wire)]
pub async fn act_on_rows(
    tab: String,
    #[server(default)] scope: String,
    #[server(default)] at: Vec<String>,
    #[server(default)] q: String,
    #[server(default)] address: String,
    #[server(default)] action: String,
    #[server(default)] label: String,
    #[server(default)] confirm: String,
    #[server(default)] again: String,
) -> Answer<BulkRun> {
    use model::query::ListQuery;
    use model::query::bulk::BulkAction;
    use portal::{BulkOrder, Target};
    let cx = crate::ssr::request_cx()?;
    let tab = model::query::Tab::from_word(&tab).ok_or_else(|| cx.not_found("list"))?;
    let (target, action) = if again.is_empty() {
        let action = BulkAction::read(tab, &action, &label)
            .map_err(|(field, text)| cx.fail(&portal::PortalError::field(field, text)))?;
        let target = if scope == "all" {
            Target::All(ListQuery::of(q))
        } else {
            let rows = at.iter().map(|row| row.parse()).collect::<Result<Vec<_>, _>>();
            let told = |error: model::query::row::InvalidRow| portal::PortalError::field("at", format!("{error}."));
            Target::Chosen(rows.map_err(|error| cx.fail(&told(error)))?)
        };
        (target, Some(action))
    } else {
        (Target::Again(again), None)
    };
    let order = BulkOrder { tab, target, action, confirm };
    let run = cx.portal.begin_run(&cx.actor, order).await.map_err(|error| cx.fail(&error))?;
    if is_address(&address) {
        let rest = if address.is_empty() { String::new() } else { format!("{address}&") };
        crate::ssr::lead_on(&format!("{}?{rest}run={}", crate::paths::tab(tab), run.id));
    }
    Ok(run)
}

/// How far a run has got.
#[server(endpoint = "inventory/run", protocol = Wire)]
pub async fn get_run(id: String) -> Answer<BulkRun> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.bulk_run(&cx.actor, &id).map_err(|error| cx.fail(&error))
}

/// Stops a run that can be stopped. What was done stays done.
#[server(endpoint = "inventory/stop", protocol = Wire)]
pub async fn stop_run(id: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.stop_run(&cx.actor, &id).map_err(|error| cx.fail(&error))
}

/// Whether a text can stand after the question mark of our own address.
#[cfg(feature = "ssr")]
fn is_address(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%=&".contains(&byte))
}
