//! Choosing files and sending them.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::image::ImageChoices;

use super::file_form::FileForm;
use crate::api;
use crate::paths;
use crate::platform::{self, ChosenFile};
use crate::ui::{Empty, Glyph, Icon, Loaded, Look, Skeleton, button_class};

/// The page.
#[component]
pub fn UploadPage() -> impl IntoView {
    let choices = Resource::new(|| (), |()| api::images::get_image_choices());
    view! {
        <Title text="Upload images"/>
        <div class="max-w-[52rem]">
            <a class=format!("{} -ml-2", button_class(Look::Quiet)) href=paths::IMAGES>
                <Icon glyph=Glyph::Back/>
                "Images"
            </a>
            <h1 class="mt-1 mb-4 text-xl">"Upload images"</h1>
            <Loaded resource=choices is_page=true waiting=|| view! { <Skeleton rows=4/> } let:choices>
                <Chooser choices/>
            </Loaded>
        </div>
    }
}

#[component]
fn Chooser(choices: Memo<ImageChoices>) -> impl IntoView {
    let params = use_query_map();
    let files = RwSignal::new(Vec::<ChosenFile>::new());
    let is_over = RwSignal::new(false);
    let add = move |event: &leptos::ev::Event| {
        let chosen = platform::files_of(event);
        files.update(|files| files.extend(chosen));
    };
    let on_remove = Callback::new(move |key: u32| files.update(|files| files.retain(|file| file.key != key)));
    let team = move || params.with_untracked(|params| params.get("namespace").unwrap_or_default());
    move || {
        let offered = choices.get();
        if let Some(reason) = offered.unavailable {
            return view! {
                <Empty glyph=Glyph::Unplug title="Nothing can be uploaded to this cluster">
                    <p>{reason}</p>
                </Empty>
            }
            .into_any();
        }
        if offered.namespaces.is_empty() {
            return view! {
                <Empty glyph=Glyph::Lock title="None of your teams lets you upload">
                    <p>
                        "Ask an administrator to give your account the role " <code class="font-mono text-xs">"edit"</code>
                        " in your team's namespace."
                    </p>
                </Empty>
            }
            .into_any();
        }
        view! {
            <noscript>
                <p class="prose-line mb-4 text-ink-quiet">
                    "Uploading from this page needs JavaScript. Without it: "
                    <code class="font-mono text-xs">"virtctl image-upload dv NAME --size SIZE --image-path FILE"</code>
                </p>
            </noscript>
            <label
                class="flex cursor-pointer flex-col items-center gap-2 rounded-panel border border-dashed border-rule-strong px-6 py-10 text-center focus-within:border-accent hover:bg-paper-sunken"
                class:bg-accent-soft=move || is_over.get()
                on:dragover=move |event| {
                    event.prevent_default();
                    is_over.set(true);
                }
                on:dragleave=move |_| is_over.set(false)
                on:drop=move |event| {
                    event.prevent_default();
                    is_over.set(false);
                    add(&event);
                }
            >
                <span class="grid size-10 place-items-center rounded-full bg-off-soft text-off">
                    <Icon glyph=Glyph::Upload/>
                </span>
                <span class="font-medium">"Drop files here, or choose them"</span>
                <span class="prose-line max-w-[52ch] text-sm text-ink-quiet">
                    "ISO, qcow2, VMDK, VDI, VHD, VHDX or raw disks, also packed with gzip, xz or zstd, of any size."
                </span>
                <input
                    type="file"
                    multiple
                    class="sr-only"
                    data-choose=""
                    on:change=move |event| add(&event)
                />
            </label>
            <ul class="mt-6">
                <For each=move || files.get() key=|file| file.key let:file>
                    <FileForm file choices=choices.get_untracked() team=team() on_remove/>
                </For>
            </ul>
        }
        .into_any()
    }
}
