//! `subresources.kubevirt.io`, as virt-api answers it.
//!
//! ```text
//!   API server: who? may they use the first path segment? ──► here: may they use the whole rest? ──► answer
//! ```
//!
//! The API server looks at `vnc` only where virt-api looks at `vnc/screenshot`. Its own refusal is 401 with an empty
//! body, which is also what an unknown subresource gets.
//!
//! To add one: a handler in the module of its kind, its route in [`router`], and its row in that module's tests.

mod body;
mod info;
mod lifecycle;
mod migrate;
mod refusal;
mod streams;
mod volumes;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::{Method, StatusCode};

use super::VirtContext;
use crate::auth::UserInfo;
use crate::auth::rbac::{self, Attributes};

/// The group that permissions are about.
const GROUP: &str = "subresources.kubevirt.io";

/// All routes, relative to `/apis/subresources.kubevirt.io/{version}`.
///
/// Requests carry their [`UserInfo`] as an extension.
pub fn router(context: Arc<VirtContext>) -> Router {
    let machine = |action: &str| format!("/namespaces/{{namespace}}/virtualmachines/{{name}}/{action}");
    let instance = |action: &str| format!("/namespaces/{{namespace}}/virtualmachineinstances/{{name}}/{action}");
    Router::new()
        .route(&machine("start"), put(lifecycle::start))
        .route(&machine("stop"), put(lifecycle::stop))
        .route(&machine("restart"), put(lifecycle::restart))
        .route(&machine("migrate"), put(migrate::migrate))
        .route(&machine("addvolume"), put(volumes::add_to_machine))
        .route(&machine("removevolume"), put(volumes::remove_from_machine))
        .route(&machine("expand-spec"), get(info::expand_spec))
        .route(&instance("pause"), put(lifecycle::pause))
        .route(&instance("unpause"), put(lifecycle::unpause))
        .route(&instance("softreboot"), put(lifecycle::soft_reboot))
        .route(&instance("reset"), put(lifecycle::reset))
        .route(&instance("addvolume"), put(volumes::add_to_instance))
        .route(&instance("removevolume"), put(volumes::remove_from_instance))
        .route(&instance("vnc"), get(streams::vnc))
        .route(&instance("console"), get(streams::console))
        .route(&instance("vnc/screenshot"), get(info::screenshot))
        .route(&instance("guestosinfo"), get(info::guest_agent))
        .route(&instance("userlist"), get(info::guest_agent))
        .route(&instance("filesystemlist"), get(info::guest_agent))
        .route("/namespaces/{namespace}/expand-vm-spec", put(info::expand_machine))
        .route_layer(axum::middleware::from_fn_with_state(Arc::clone(&context), authorize))
        .route("/version", get(info::version))
        .route("/healthz", get(info::healthz))
        .fallback(|| async { StatusCode::UNAUTHORIZED })
        .with_state(context)
}

/// The second look at the permission, at the whole rest of the path.
async fn authorize(State(context): State<Arc<VirtContext>>, request: Request, next: Next) -> Response {
    let user = request.extensions().get::<UserInfo>().cloned().unwrap_or_else(UserInfo::anonymous);
    let wanted = attributes(request.method(), request.uri().path());
    let allowed = wanted.is_some_and(|wanted| rbac::authorize(&context.store, &user, &wanted).allowed);
    if allowed { next.run(request).await } else { StatusCode::UNAUTHORIZED.into_response() }
}

/// `/namespaces/{namespace}/{resource}/{name}/{subresource…}` as what needs a permission.
fn attributes(method: &Method, path: &str) -> Option<Attributes> {
    if let Some((namespace, "expand-vm-spec")) =
        path.trim_start_matches('/').strip_prefix("namespaces/").and_then(|rest| rest.split_once('/'))
    {
        return Some(Attributes {
            verb: if *method == Method::PUT { "update" } else { "get" }.to_owned(),
            group: GROUP.to_owned(),
            resource: "expand-vm-spec".to_owned(),
            namespace: namespace.to_owned(),
            ..Attributes::default()
        });
    }
    let mut parts = path.trim_start_matches('/').splitn(5, '/');
    let ("namespaces", namespace, resource, name, subresource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?)
    else {
        return None;
    };
    Some(Attributes {
        verb: if *method == Method::PUT { "update" } else { "get" }.to_owned(),
        group: GROUP.to_owned(),
        resource: resource.to_owned(),
        subresource: subresource.trim_end_matches('/').to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        path: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_is_asked_for_the_whole_rest_of_the_path() {
        let wanted = attributes(&Method::GET, "/namespaces/a/virtualmachineinstances/b/vnc/screenshot").unwrap();
        assert_eq!(
            (wanted.verb.as_str(), wanted.full_resource().as_str()),
            ("get", "virtualmachineinstances/vnc/screenshot")
        );
        let wanted = attributes(&Method::PUT, "/namespaces/a/virtualmachines/b/start").unwrap();
        assert_eq!((wanted.verb.as_str(), wanted.namespace.as_str(), wanted.name.as_str()), ("update", "a", "b"));
        assert_eq!(attributes(&Method::GET, "/version"), None);
    }
}
