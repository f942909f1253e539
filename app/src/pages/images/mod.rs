//! The library: everything that machines are made from or can get as a disc or disk.

mod detail;
mod field;
mod file_form;
mod import;
mod table;
mod upload;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::image::ImageList;
use model::live::LiveKind;
use model::query::ListQuery;

use crate::api;
use crate::components::filters::{Pager, SearchForm, StateFilter};
use crate::live::Live;
use crate::ui::{Empty, Glyph, Icon, Loaded, Look, Notice, Skeleton, Tone, button_class, looks};
use crate::{paths, words};
pub use detail::ImagePage;
pub use import::ImportPage;
use table::ImageTable;
pub use upload::UploadPage;

/// The page.
#[component]
pub fn ImagesPage() -> impl IntoView {
    let live = Live::expect();
    let params = use_query_map();
    let query = Memo::new(move |_| params.with(paths::list_query));
    let list = Resource::new(
        move || (query.get(), live.version(LiveKind::Image), live.version(LiveKind::Machine)),
        |(query, ..)| api::images::list_images(query),
    );
    let waiting = || {
        view! {
            <h1 class="mb-4 text-xl">"Images"</h1>
            <Skeleton rows=8/>
        }
    };
    view! {
        <Title text="Images"/>
        <Loaded resource=list is_page=true waiting let:list>
            <Shown list query/>
        </Loaded>
    }
}

#[component]
fn Shown(list: Memo<ImageList>, query: Memo<ListQuery>) -> impl IntoView {
    let counts = Signal::derive(move || list.with(|list| looks(&list.counts)));
    let namespaces = Signal::derive(move || list.with(|list| list.namespaces.clone()));
    let names_team = Signal::derive(move || {
        list.with(|list| list.namespaces.len() > 1) && query.with(|query| query.namespace.is_empty())
    });
    let all = move || list.with(|list| list.counts.iter().map(|(_, count)| count).sum::<u32>());
    let page = Memo::new(move |_| list.with(|list| (list.page, list.page_size, list.total)));
    let has_cdi = Memo::new(move |_| list.with(|list| list.has_cdi));
    view! {
        <header class="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
            <h1 class="text-xl">"Images" <span class="ml-2 font-normal text-ink-faint">{move || words::count(all())}</span></h1>
            <div class="flex min-w-0 items-center gap-2 max-md:w-full max-md:flex-wrap md:ml-auto">
                <SearchForm base=paths::IMAGES query placeholder="Name, origin or class" namespaces/>
                <Show when=move || has_cdi.get()>
                    <a class=button_class(Look::Plain) href=paths::IMPORT>
                        <Icon glyph=Glyph::Download/>
                        "Import"
                    </a>
                    <a class=button_class(Look::Primary) href=paths::UPLOAD>
                        <Icon glyph=Glyph::Upload/>
                        "Upload"
                    </a>
                </Show>
            </div>
        </header>
        <Show when=move || !has_cdi.get()>
            <div class="mb-3">
                <Notice tone=Tone::Warn>
                    "This cluster has no CDI, which fills disks: nothing can be uploaded or imported. An administrator can install it. Claims that are there are shown."
                </Notice>
            </div>
        </Show>
        <StateFilter base=paths::IMAGES query counts/>
        <div class="mt-2">
            <Show
                when=move || list.with(|list| !list.rows.is_empty())
                fallback=move || view! { <NothingHere query namespaces has_cdi/> }
            >
                <ImageTable list query names_team/>
            </Show>
        </div>
        {move || {
            let (page, page_size, total) = page.get();
            view! { <Pager base=paths::IMAGES query page page_size total/> }
        }}
    }
}

/// Why the list is empty: nothing fits, no team, or nothing yet.
#[component]
fn NothingHere(query: Memo<ListQuery>, namespaces: Signal<Vec<String>>, has_cdi: Memo<bool>) -> impl IntoView {
    let narrowed = move || query.with(|query| !(query.search.is_empty() && query.state.is_empty() && query.page < 2));
    move || {
        if narrowed() {
            view! {
                <Empty glyph=Glyph::Search title="No image fits">
                    <p>"Nothing that you may see matches this search and state."</p>
                    <p class="mt-4">
                        <a class=button_class(Look::Plain) href=paths::IMAGES>
                            "Show all images"
                        </a>
                    </p>
                </Empty>
            }
            .into_any()
        } else if namespaces.with(Vec::is_empty) {
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
                    <Show when=move || has_cdi.get()>
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
