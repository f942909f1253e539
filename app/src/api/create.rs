//! New machines: what the form offers, the check, the making.

use leptos::prelude::*;
use model::ObjectRef;
use model::create::{CreateOptions, MachineDraft};

use super::{Answer, Wire};

/// What the form offers in a team; in the person's first one if the team is not theirs.
#[server(endpoint = "machines/options", protocol = Wire)]
pub async fn get_create_options(namespace: String) -> Answer<CreateOptions> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.create_options(&cx.actor, &namespace).await.map_err(|error| cx.fail(&error))
}

/// Checks a draft by our own rules and by the cluster's. Nothing is made.
#[server(endpoint = "machines/check", protocol = Wire)]
pub async fn check_machines(#[server(default)] draft: MachineDraft) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.check_machines(&cx.actor, &draft).await.map_err(|error| cx.fail(&error))
}

/// Makes the machines that a draft asks for. A plain form is led to where they are, or back to the form with what was
/// filled in.
#[server(endpoint = "machines/create", protocol = Wire)]
pub async fn create_machines(#[server(default)] draft: MachineDraft) -> Answer<Vec<ObjectRef>> {
    let cx = crate::ssr::request_cx()?;
    let made = cx.portal.create_machines(&cx.actor, &draft).await;
    crate::ssr::lead_on(&match &made {
        Ok(made) => crate::paths::made(made),
        Err(_) => crate::paths::new_machine(&draft, true),
    });
    made.map_err(|error| cx.fail(&error))
}
