//! One image: what it is, who uses it, what is wrong, and what can be done with it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_params_map};
use model::image::size::bytes_words;
use model::image::{DownloadForm, ImageDetail, ImageKind, ImageState};
use model::live::LiveKind;

use super::table::{Far, kind_glyph};
use crate::api;
use crate::clock::Ago;
use crate::components::crumbs::Crumbs;
use crate::components::events::Timeline;
use crate::components::findings::Findings;
use crate::components::toasts::Toasts;
use crate::live::Live;
use crate::paths;
use crate::platform;
use crate::ui::{
    Cancel, Dialog, Fact, Facts, Glyph, Icon, Loaded, Look, Menu, Notice, Panel, Pill, Skeleton, Tone, button_class,
};

/// The page.
#[component]
pub fn ImagePage() -> impl IntoView {
    let params = use_params_map();
    let at = Memo::new(move |_| {
        params.with(|params| (params.get("namespace").unwrap_or_default(), params.get("name").unwrap_or_default()))
    });
    move || {
        let (namespace, name) = at.get();
        view! { <Page namespace name/> }
    }
}

#[component]
fn Page(namespace: String, name: String) -> impl IntoView {
    let live = Live::expect();
    let title = name.clone();
    let detail = Resource::new(
        move || (live.version(LiveKind::Image), live.version(LiveKind::Machine), live.version(LiveKind::Event)),
        move |_| api::images::get_image(namespace.clone(), name.clone()),
    );
    view! {
        <Title text=title/>
        <Loaded resource=detail is_page=true waiting=|| view! { <Skeleton rows=8/> } let:detail>
            <Shown detail/>
        </Loaded>
    }
}

#[component]
fn Shown(detail: Memo<ImageDetail>) -> impl IntoView {
    let at = detail.with_untracked(|detail| detail.row.at.clone());
    let state = Memo::new(move |_| detail.with(|detail| (detail.row.state, detail.row.since)));
    let kind = Memo::new(move |_| detail.with(|detail| detail.row.kind));
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-2">
            <Crumbs list="Images" base=paths::IMAGES team=at.namespace.to_string()/>
            <span class="text-ink-faint">{move || view! { <Icon glyph=kind_glyph(kind.get())/> }}</span>
            <h1 class="min-w-0 truncate text-xl">{at.name.to_string()}</h1>
            {move || {
                let (state, since) = state.get();
                view! { <Pill state since/> }
            }}
            <span class="truncate text-sm text-ink-faint">{at.namespace.to_string()}</span>
            <div class="flex flex-wrap items-center gap-2 max-md:w-full md:ml-auto" data-page-actions="">
                <Actions detail/>
            </div>
        </div>
        {move || {
            detail
                .with(|detail| detail.row.progress.clone())
                .map(|progress| view! { <div class="mt-4 max-w-[40rem]"><Far progress/></div> })
        }}
        <Wrong detail/>
        <div class="mt-5 grid gap-x-8 gap-y-8 lg:grid-cols-2">
            <Panel title="Disk" glyph=Glyph::Disk>
                {move || view! { <DiskFacts detail=detail.get()/> }}
            </Panel>
            <Panel title="Used by" glyph=Glyph::Machine>
                {move || view! { <Users detail=detail.get()/> }}
            </Panel>
            <Panel title="Timeline" glyph=Glyph::Clock>
                {move || view! { <Timeline events=detail.with(|detail| detail.events.clone())/> }}
            </Panel>
        </div>
    }
}

/// What is wrong, and what to do; where no rule knows it, the cluster's own words.
#[component]
fn Wrong(detail: Memo<ImageDetail>) -> impl IntoView {
    let findings = Signal::derive(move || detail.with(|detail| detail.findings.clone()));
    let reason =
        Memo::new(move |_| detail.with(|detail| detail.row.reason.clone().filter(|_| detail.findings.is_empty())));
    view! {
        <div class="mt-3 flex flex-col gap-2 empty:hidden">
            <Findings findings/>
            {move || {
                let is_bad = detail.with(|detail| detail.row.state == ImageState::Trouble);
                let tone = if is_bad { Tone::Bad } else { Tone::Info };
                reason.get().map(|reason| view! { <Notice tone>{reason}</Notice> })
            }}
        </div>
    }
}

#[component]
fn DiskFacts(detail: ImageDetail) -> impl IntoView {
    let row = detail.row;
    let dash = || "–".to_owned();
    let modes = detail.access_modes.join(", ");
    let mode = [detail.volume_mode.unwrap_or_default(), modes].into_iter().filter(|text| !text.is_empty());
    let mode = mode.collect::<Vec<_>>().join(" · ");
    let named = detail.named_by;
    view! {
        <Facts>
            <Fact term="Kind">{row.kind.word()}</Fact>
            <Fact term="Size">{row.bytes.map_or_else(dash, bytes_words)}</Fact>
            <Fact term="Takes">{detail.claim_bytes.map_or_else(dash, bytes_words)}</Fact>
            <Fact term="Origin">{row.origin}</Fact>
            {detail.format.map(|format| view! { <Fact term="File">{format}</Fact> })}
            {detail
                .checksum
                .map(|sum| view! { <Fact term="Checksum"><code class="font-mono text-xs break-all select-all">{sum}</code></Fact> })}
            <Fact term="Class">{row.class.unwrap_or_else(dash)}</Fact>
            <Fact term="Access">{if mode.is_empty() { dash() } else { mode }}</Fact>
            {row.system.map(|system| view! { <Fact term="System">{system}</Fact> })}
            {detail
                .means
                .map(|at| view! { <Fact term="Means"><a class="underline" href=paths::image(&at)>{at.to_string()}</a></Fact> })}
            {(!named.is_empty())
                .then(|| {
                    let names = named
                        .into_iter()
                        .map(|at| view! { <a class="mr-2 underline" href=paths::image(&at)>{at.to_string()}</a> })
                        .collect_view();
                    view! { <Fact term="Named by">{names}</Fact> }
                })}
            {detail.phase.map(|phase| view! { <Fact term="CDI says">{phase}</Fact> })}
            {(detail.restarts > 0).then(|| view! { <Fact term="Begun again">{detail.restarts} " times"</Fact> })}
            {row.created.map(|at| view! { <Fact term="Age"><Ago at/></Fact> })}
        </Facts>
    }
}

#[component]
fn Users(detail: ImageDetail) -> impl IntoView {
    let used_by = detail.row.used_by;
    if used_by.is_empty() {
        return view! { <p class="text-sm text-ink-quiet">"No machine uses it."</p> }.into_any();
    }
    let lines = used_by.into_iter().map(|used| {
        let how = if used.is_running { "running" } else { "not running" };
        view! {
            <li class="flex items-baseline gap-2">
                <a class="rounded-control hover:text-accent" href=paths::machine(&used.machine)>
                    {used.machine.name.to_string()}
                </a>
                <span class="text-xs text-ink-faint">{how}</span>
            </li>
        }
    });
    view! { <ul class="flex flex-col gap-1 text-sm">{lines.collect_view()}</ul> }.into_any()
}

/// What can be done with it.
#[component]
fn Actions(detail: Memo<ImageDetail>) -> impl IntoView {
    let at = detail.with_untracked(|detail| detail.row.at.clone());
    let is_usable = Memo::new(move |_| detail.with(|detail| detail.row.is_usable()));
    let is_disk = Memo::new(move |_| detail.with(|detail| detail.row.kind == ImageKind::Disk));
    let denied = Memo::new(move |_| detail.with(|detail| detail.row.delete_denied.clone()));
    let can_share = Memo::new(move |_| detail.with(|detail| detail.can_share));
    let (copy, share, machine) = (paths::copy_image(&at), paths::share_image(&at), paths::machine_from(&at));
    view! {
        {move || {
            is_usable
                .get()
                .then(|| {
                    view! {
                        <a class=button_class(Look::Plain) href=copy.clone()>
                            <Icon glyph=Glyph::Copy/>
                            {if is_disk.get() { "Make an image of it" } else { "Copy" }}
                        </a>
                        {can_share
                            .get()
                            .then(|| {
                                view! {
                                    <a class=button_class(Look::Plain) href=share.clone()>
                                        <Icon glyph=Glyph::People/>
                                        "Share with everybody"
                                    </a>
                                }
                            })}
                        {(!is_disk.get())
                            .then(|| {
                                view! {
                                    <a class=button_class(Look::Primary) href=machine.clone()>
                                        <Icon glyph=Glyph::Machine/>
                                        "New machine"
                                    </a>
                                }
                            })}
                    }
                })
        }}
        <DownloadMenu detail/>
        {move || {
            if let Some(reason) = denied.get() {
                view! { <Denied glyph=Glyph::Trash label="Delete" reason/> }.into_any()
            } else {
                view! {
                    <button type="button" class=button_class(Look::Plain) popovertarget="confirm-delete">
                        <Icon glyph=Glyph::Trash/>
                        "Delete…"
                    </button>
                }
                    .into_any()
            }
        }}
        <DeleteDialog at/>
    }
}

/// A button that cannot be pressed, and why.
#[component]
fn Denied(glyph: Glyph, label: &'static str, reason: String) -> impl IntoView {
    let title = reason.clone();
    view! {
        <button type="button" class=button_class(Look::Plain) aria-disabled="true" title=title>
            <Icon glyph/>
            {label}
            <span class="sr-only">{reason}</span>
        </button>
    }
}

/// The disk as a file. The cluster needs a moment to offer it; then the browser's own download begins.
#[component]
fn DownloadMenu(detail: Memo<ImageDetail>) -> impl IntoView {
    let toasts = Toasts::expect();
    let at = StoredValue::new(detail.with_untracked(|detail| detail.row.at.clone()));
    let denied = Memo::new(move |_| detail.with(|detail| detail.download_denied.clone()));
    let is_busy = RwSignal::new(false);
    let fetch = move |form: DownloadForm| {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        toasts.say(Tone::Info, format!("The cluster gets {} ready for the download.", at.get_value().name));
        spawn_local(async move {
            let at = at.get_value();
            match api::images::prepare_download(at.namespace.to_string(), at.name.to_string()).await {
                Ok(offer) => platform::download(&paths::download(&at, &offer, form)),
                Err(error) => toasts.say(Tone::Bad, format!("{}: {}", at.name, error.0.message)),
            }
            is_busy.try_set(false);
        });
    };
    let item = move |form: DownloadForm, label: &'static str, about: &'static str| {
        view! {
            <button type="button" class=button_class(Look::Item) on:click=move |_| fetch(form)>
                <span class="text-left">
                    {label} <span class="block text-xs text-ink-faint">{about}</span>
                </span>
            </button>
        }
    };
    let face = move || {
        view! {
            <Icon glyph=Glyph::Download/>
            {move || if is_busy.get() { "Preparing…" } else { "Download" }}
        }
    };
    move || match denied.get() {
        Some(reason) => view! { <Denied glyph=Glyph::Download label="Download" reason/> }.into_any(),
        None => view! {
            <Menu label="Download" class=button_class(Look::Plain) face=face>
                {item(DownloadForm::Packed, "Packed", "gzip: empty space costs next to nothing")}
                {item(DownloadForm::Raw, "Raw", "Byte by byte, as large as the disk")}
            </Menu>
        }
        .into_any(),
    }
}

/// The question before data dies: the name is typed.
#[component]
fn DeleteDialog(at: model::ObjectRef) -> impl IntoView {
    let (toasts, live, navigate) = (Toasts::expect(), Live::expect(), use_navigate());
    let typed = RwSignal::new(String::new());
    let name = at.name.to_string();
    let wanted = name.clone();
    let is_right = Memo::new(move |_| typed.with(|typed| typed.trim() == wanted));
    let run = move || {
        let (at, navigate) = (at.clone(), navigate.clone());
        spawn_local(async move {
            match api::images::delete_image(at.namespace.to_string(), at.name.to_string()).await {
                Ok(()) => {
                    toasts.say(Tone::Good, format!("{} is being deleted.", at.name));
                    live.raise(LiveKind::Image);
                    navigate(paths::IMAGES, NavigateOptions::default());
                }
                Err(error) => toasts.say(Tone::Bad, format!("{}: {}", at.name, error.0.message)),
            }
        });
    };
    view! {
        <Dialog id="confirm-delete" title=format!("Delete {name}?")>
            <p class="prose-line mt-2 text-ink-quiet">"The disk and everything on it is gone after that. Nobody can bring it back."</p>
            <form
                class="mt-4"
                on:submit=move |event| {
                    event.prevent_default();
                    if is_right.get_untracked() {
                        run();
                    }
                }
            >
                <label class="block text-sm font-medium">
                    "Type " <code class="font-mono text-xs select-all">{name.clone()}</code> " to delete it"
                    <input
                        class=super::field::INPUT
                        type="text"
                        autocomplete="off"
                        spellcheck="false"
                        prop:value=move || typed.get()
                        on:input=move |event| typed.set(event_target_value(&event))
                    />
                </label>
                <div class="mt-4 flex justify-end gap-2">
                    <Cancel of="confirm-delete"/>
                    <button
                        type="submit"
                        class=button_class(Look::Danger)
                        aria-disabled=move || (!is_right.get()).then_some("true")
                        class:opacity-50=move || !is_right.get()
                    >
                        "Delete"
                    </button>
                </div>
            </form>
        </Dialog>
    }
}
