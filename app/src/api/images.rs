//! Images: the library, details, imports, deletions.

use leptos::prelude::*;
use model::image::{ImageChoices, ImageDetail};
use model::query::{ImageList, ListQuery};

use super::{Answer, Wire};

/// One page of the images that this person may see.
#[server(endpoint = "images/list", protocol = Wire)]
pub async fn list_images(#[server(default)] query: ListQuery) -> Answer<ImageList> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.list_images(&cx.actor, &query).await.map_err(|error| cx.fail(&error))
}

/// All that an image's page shows.
#[server(endpoint = "images/get", protocol = Wire)]
pub async fn get_image(namespace: String, name: String) -> Answer<ImageDetail> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("image"))?;
    cx.portal.image(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// What the forms for a new image offer.
#[server(endpoint = "images/choices", protocol = Wire)]
pub async fn get_image_choices() -> Answer<ImageChoices> {
    let cx = crate::ssr::request_cx()?;
    cx.portal.image_choices(&cx.actor).await.map_err(|error| cx.fail(&error))
}

/// Has the cluster offer an image's disk as a download, which takes it a while; what the offer is called.
#[server(endpoint = "images/prepare-download", protocol = Wire)]
pub async fn prepare_download(namespace: String, name: String) -> Answer<String> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("image"))?;
    cx.portal.prepare_download(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// Has a disk made now that would wait for its first machine.
#[server(endpoint = "images/make-disk", protocol = Wire)]
pub async fn make_disk(namespace: String, name: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("disk"))?;
    cx.portal.make_disk(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// Deletes an image that no machine uses.
#[server(endpoint = "images/delete", protocol = Wire)]
pub async fn delete_image(namespace: String, name: String) -> Answer<()> {
    let cx = crate::ssr::request_cx()?;
    let at = model::ObjectRef::parse(&namespace, &name).map_err(|_| cx.not_found("image"))?;
    cx.portal.delete_image(&cx.actor, &at).await.map_err(|error| cx.fail(&error))
}

/// Has the cluster fetch or copy an image. The password goes into a Secret and never comes back.
#[server(endpoint = "images/import", protocol = Wire)]
pub async fn import_image(request: model::image::import::ImportForm) -> Answer<model::ObjectRef> {
    let cx = crate::ssr::request_cx()?;
    let request = request.read().map_err(|fields| cx.fail(&portal::PortalError::Invalid(fields)))?;
    cx.portal.import_image(&cx.actor, request).await.map_err(|error| cx.fail(&error))
}
