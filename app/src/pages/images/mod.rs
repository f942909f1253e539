//! The library: everything that machines are made from or can get as a disc or disk.

mod detail;
mod field;
mod file_form;
mod import;
mod table;
mod upload;

use leptos::prelude::*;
use model::live::LiveKind;
use model::query::ImageList;
use model::query::key::IMAGES;

use crate::components::listing::{Around, Listing, Naming, listed_query};
use crate::live::Live;
use crate::ui::{Empty, Glyph, Icon, Look, Notice, Tone, button_class};
use crate::{api, paths};
pub use detail::ImagePage;
pub use import::ImportPage;
use table::ImageTable;
pub use upload::UploadPage;

const NAMING: Naming = Naming { title: "Images", one: "image", many: "images", tab: &IMAGES, base: paths::IMAGES };

/// The page.
#[component]
pub fn ImagesPage() -> impl IntoView {
    let live = Live::expect();
    let query = listed_query();
    let list = Resource::new(
        move || (query.get(), live.version(LiveKind::Image), live.version(LiveKind::Machine)),
        |(query, ..)| api::images::list_images(query),
    );
    view! {
        <Listing
            naming=NAMING
            query
            list
            around=|shown| Around {
                beside: Some(view! { <Ways list=shown.list/> }.into_any()),
                under: Some(view! { <NoCdi list=shown.list/> }.into_any()),
                ..Around::default()
            }
            table=|shown| view! { <ImageTable list=shown.list query=shown.query names_team=shown.names_team/> }.into_any()
            nothing=|shown| view! { <NothingHere list=shown.list namespaces=shown.namespaces/> }.into_any()
        />
    }
}

fn has_cdi(list: Memo<ImageList>) -> bool {
    list.with(|list| list.more.has_cdi)
}

/// How an image comes in.
#[component]
fn Ways(list: Memo<ImageList>) -> impl IntoView {
    view! {
        <Show when=move || has_cdi(list)>
            <a class=button_class(Look::Plain) href=paths::IMPORT>
                <Icon glyph=Glyph::Download/>
                "Import"
            </a>
            <a class=button_class(Look::Primary) href=paths::UPLOAD>
                <Icon glyph=Glyph::Upload/>
                "Upload"
            </a>
        </Show>
    }
}

#[component]
fn NoCdi(list: Memo<ImageList>) -> impl IntoView {
    view! {
        <Show when=move || !has_cdi(list)>
            <div class="mb-3">
                <Notice tone=Tone::Warn>
                    "This cluster has no CDI, which fills disks: nothing can be uploaded or imported. An administrator can install it. Claims that are there are shown."
                </Notice>
            </div>
        </Show>
    }
}

/// Why the list is empty: no team, or nothing yet.
#[component]
fn NothingHere(list: Memo<ImageList>, namespaces: Signal<Vec<String>>) -> impl IntoView {
    move || {
        if namespaces.with(Vec::is_empty) {
            view! {
                <Empty glyph=Glyph::Lock title="You have no team yet">
                    <p>"No namespace lets you see disks. Ask an administrator for a role in your team's namespace."</p>
                </Empty>
            }
            .into_any()
        } else {
            view! {
                <Empty glyph=Glyph::Disc title="No images yet">
                    <p>
                        "Installation discs, golden images and your team's disks appear here. Begin with an ISO or a disk image from your computer, or have the cluster fetch one."
                    </p>
                    <Show when=move || has_cdi(list)>
                        <p class="mt-4 flex justify-center gap-2">
                            <a class=button_class(Look::Primary) href=paths::UPLOAD>
                                "Upload an image"
                            </a>
                            <a class=button_class(Look::Plain) href=paths::IMPORT>
                                "Import one"
                            </a>
                        </p>
                    </Show>
                </Empty>
            }
                .into_any()
        }
    }
}
