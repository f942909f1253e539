//! Having the cluster fetch an image, copy one, or make an empty disk.

use std::collections::HashMap;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use model::image::import::ImportForm;
use model::image::{ImageChoices, suggest_name};
use model::query::{ImageList, ListQuery, MAX_PAGE_SIZE};
use model::{ObjectRef, UiError};

use super::field::{Choice, Line, classes, first_class, foreseen, systems, teams};
use crate::api::{self, Answer};
use crate::live::Live;
use crate::paths;
use crate::ui::{Empty, Glyph, Icon, Loaded, Look, Notice, Skeleton, Tone, button_class};

/// Ways for an image to come, with what each is called.
const WAYS: [(&str, &str); 5] = [
    ("http", "From a web address"),
    ("registry", "From a container registry"),
    ("s3", "From an object store (S3)"),
    ("clone", "Copy of another image"),
    ("blank", "An empty disk"),
];

/// The page.
#[component]
pub fn ImportPage() -> impl IntoView {
    let offers = Resource::new(|| (), |()| offers());
    view! {
        <Title text="Import an image"/>
        <div class="max-w-[52rem]">
            <a class=format!("{} -ml-2", button_class(Look::Quiet)) href=paths::IMAGES>
                <Icon glyph=Glyph::Back/>
                "Images"
            </a>
            <h1 class="mt-1 mb-4 text-xl">"Import an image"</h1>
            <Loaded resource=offers is_page=true waiting=|| view! { <Skeleton rows=6/> } let:offers>
                {move || {
                    let (choices, images) = offers.get();
                    view! { <Form choices images/> }
                }}
            </Loaded>
        </div>
    }
}

/// What can be chosen, and what can be copied.
async fn offers() -> Answer<(ImageChoices, ImageList)> {
    let query = ListQuery { page_size: MAX_PAGE_SIZE, ..ListQuery::of("state:ready") };
    Ok((api::images::get_image_choices().await?, api::images::list_images(query).await?))
}

#[component]
fn Form(choices: ImageChoices, images: ImageList) -> impl IntoView {
    if let Some(reason) = choices.unavailable.clone() {
        return view! {
            <Empty glyph=Glyph::Unplug title="Nothing can be imported into this cluster">
                <p>{reason}</p>
            </Empty>
        }
        .into_any();
    }
    if choices.namespaces.is_empty() {
        return view! {
            <Empty glyph=Glyph::Lock title="None of your teams lets you make images">
                <p>"Ask an administrator to give your account the role edit in your team's namespace."</p>
            </Empty>
        }
        .into_any();
    }
    let params = use_query_map();
    let (live, navigate) = (Live::expect(), StoredValue::new(use_navigate()));
    let asked = |key: &str| params.with_untracked(|params| params.get(key).unwrap_or_default());
    let text = |value: &str| RwSignal::new(value.to_owned());
    let (from, of, wanted) = (asked("from"), asked("source"), asked("team"));
    let from = match (from.as_str(), of.is_empty()) {
        ("", true) => "http",
        ("", false) => "clone",
        (from, _) => from,
    };
    let is_copy = from == "clone";
    let way = text(from);
    let team = choices.namespaces.iter().find(|name| **name == wanted).or_else(|| choices.namespaces.first());
    let team = text(team.map_or("", String::as_str));
    let (name, user, password, preference) = (text(""), text(""), text(""), text(""));
    let (url, source) = if is_copy { (text(""), text(&of)) } else { (text(&of), text("")) };
    let (sha256, size) = (text(&asked("sha256")), text(&asked("size")));
    let class = Some(asked("class")).filter(|class| choices.classes.iter().any(|known| known.name == *class));
    let class = text(&class.unwrap_or_else(|| first_class(&choices)));
    let (is_image, is_live) = (RwSignal::new(true), RwSignal::new(false));
    let problem = RwSignal::new(None::<UiError>);
    let is_sending = RwSignal::new(false);
    let wrong = move |field: &'static str| {
        Signal::derive(move || {
            let of =
                |problem: &Option<UiError>| problem.as_ref().and_then(|problem| problem.fields.get(field).cloned());
            problem.with(of).unwrap_or_default()
        })
    };
    let is_fetched = move || way.with(|way| matches!(way.as_str(), "http" | "s3" | "registry"));
    let send = move || {
        if is_sending.get_untracked() {
            return;
        }
        problem.set(None);
        is_sending.set(true);
        let form = ImportForm {
            from: way.get_untracked(),
            namespace: team.get_untracked(),
            name: name.get_untracked(),
            url: url.get_untracked(),
            user: user.get_untracked(),
            password: password.get_untracked(),
            sha256: sha256.get_untracked(),
            source: source.get_untracked(),
            is_live: is_live.get_untracked().to_string(),
            size: size.get_untracked(),
            class: class.get_untracked(),
            preference: preference.get_untracked(),
            is_image: (is_image.get_untracked() && way.get_untracked() != "blank").to_string(),
        };
        spawn_local(async move {
            match api::images::import_image(form).await {
                Ok(at) => {
                    live.raise(model::live::LiveKind::Image);
                    navigate.with_value(|navigate| navigate(&paths::image(&at), NavigateOptions::default()));
                }
                Err(error) => {
                    problem.try_set(Some(error.0));
                }
            }
            is_sending.try_set(false);
        });
    };
    let known = StoredValue::new(choices.clone());
    let ways = WAYS.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    let runs_on: HashMap<String, ObjectRef> = images
        .rows
        .iter()
        .filter_map(|row| {
            let running = row.used_by.iter().find(|used| used.is_running)?;
            Some((row.at.to_string(), running.machine.clone()))
        })
        .collect();
    let running =
        Memo::new(move |_| if way.get() == "clone" { source.with(|at| runs_on.get(at).cloned()) } else { None });
    let choose = [(String::new(), "Choose an image".to_owned())];
    let sources = images.rows.iter().map(|row| row.at.to_string()).map(|at| (at.clone(), at));
    let sources: Vec<_> = choose.into_iter().chain(sources).collect();
    let address_help = Signal::derive(move || {
        way.with(|way| {
            match way.as_str() {
                "registry" => "A container image with a disk in it, such as docker://quay.io/containerdisks/debian:13.",
                "s3" => "The object's address, such as https://store.example/bucket/disk.qcow2.",
                _ => "An ISO or disk image that the cluster can reach, such as https://example.org/debian.qcow2.",
            }
            .to_owned()
        })
    });
    // A name is proposed until somebody types one.
    Effect::new(move |last: Option<String>| {
        let proposed = if is_fetched() { suggest_name(&url.get()) } else { source.with(|of| name_of_copy(of)) };
        if name.with_untracked(|name| name.is_empty() || Some(name) == last.as_ref()) {
            name.set(proposed.clone());
        }
        proposed
    });
    view! {
        <form
            class="grid gap-x-5 gap-y-4 md:grid-cols-2"
            on:submit=move |event| {
                event.prevent_default();
                send();
            }
        >
            <div class="md:col-span-2">
                <Choice label="Where it comes from" id="from" value=way options=ways error=wrong("from")/>
            </div>
            <Show when=is_fetched>
                <div class="md:col-span-2">
                    <Line label="Address" id="url" value=url help=address_help error=wrong("url") placeholder="https://"/>
                </div>
                <Line label="User (optional)" id="user" value=user error=wrong("user")/>
                <Line
                    label="Password (optional)"
                    id="password"
                    kind="password"
                    value=password
                    help=Signal::stored("Kept as a Secret of the team, used for this import, and never shown again.".to_owned())
                    error=wrong("password")
                />
            </Show>
            <Show when=move || way.with(|way| way == "http")>
                <div class="md:col-span-2">
                    <Line
                        label="SHA-256 (optional)"
                        id="sha256"
                        value=sha256
                        help=Signal::stored("The cluster refuses a file with another checksum, if its CDI is 1.65 or newer.".to_owned())
                        error=wrong("sha256")
                    />
                </div>
            </Show>
            <Show when=move || way.with(|way| way == "clone")>
                <div class="md:col-span-2">
                    <Choice label="Copy of" id="source" value=source options=sources.clone() error=wrong("source")/>
                </div>
            </Show>
            {move || running.get().map(|machine| view! { <FromRunning machine is_live/> })}
            <Line label="Name" id="name" value=name error=wrong("name")/>
            <Choice label="Team" id="team" value=team options=teams(&choices) error=wrong("namespace")/>
            <Line
                label="Size of the disk"
                id="size"
                value=size
                help=Signal::derive(move || {
                    way.with(|way| {
                        if way == "clone" { "Empty for the size of what is copied." } else { "As the guest sees it, such as 20 GiB." }.to_owned()
                    })
                })
                error=wrong("size")
            />
            <Choice
                label="Storage class"
                id="class"
                value=class
                options=classes(&choices)
                help=Signal::derive(move || known.with_value(|choices| foreseen(choices, &class.get())))
                error=wrong("class")
            />
            {(!choices.preferences.is_empty())
                .then(|| {
                    view! {
                        <Choice
                            label="Operating system (optional)"
                            id="system"
                            value=preference
                            options=systems(&choices)
                            help=Signal::derive(move || {
                                way.with(|way| if way == "clone" { "Not said: that of what is copied." } else { "" }.to_owned())
                            })
                            error=wrong("preference")
                        />
                    }
                })}
            <Show when=move || way.with(|way| way == "clone")>
                <div class="md:col-span-2">
                    <Notice tone=Tone::Info>
                        "A copy of a machine's disk keeps what makes that machine one of its kind. Before you copy it for others, seal the guest and shut it down: on Windows "
                        <code class="font-mono text-xs">"sysprep /generalize /oobe /shutdown /mode:vm"</code>
                        ", on Linux " <code class="font-mono text-xs">"cloud-init clean --logs --machine-id"</code>
                        " and the removal of its SSH host keys. Its run strategy should not be Always, or it starts again at once."
                    </Notice>
                </div>
            </Show>
            <Show when=move || way.with(|way| way != "blank")>
                <label class="flex items-center gap-2 text-sm md:col-span-2">
                    <input
                        type="checkbox"
                        prop:checked=move || is_image.get()
                        on:change=move |event| is_image.set(event_target_checked(&event))
                    />
                    "New machines can be made from it: each gets a copy"
                </label>
            </Show>
            <div class="flex flex-col gap-3 md:col-span-2">
                {move || {
                    problem
                        .get()
                        .filter(|problem| problem.fields.is_empty())
                        .map(|problem| view! { <Notice tone=Tone::Bad>{problem.message}</Notice> })
                }}
                <div>
                    <button type="submit" class=button_class(Look::Primary) aria-disabled=move || is_sending.get().then_some("true")>
                        {move || if is_sending.get() { "Asking the cluster…" } else { "Import" }}
                    </button>
                </div>
            </div>
        </form>
    }
    .into_any()
}

/// A name for a copy: that of what is copied is taken already.
fn name_of_copy(of: &str) -> String {
    let name = suggest_name(of);
    if name.is_empty() { name } else { format!("{}-image", name.strip_suffix("-disk").unwrap_or(&name)) }
}

/// What it means to make an image of a disk while its machine runs, and the consent to it.
#[component]
fn FromRunning(
    /// The machine.
    machine: ObjectRef,
    /// The consent.
    is_live: RwSignal<bool>,
) -> impl IntoView {
    let href = paths::machine(&machine);
    view! {
        <div class="md:col-span-2">
            <Notice tone=Tone::Warn>
                <p>
                    <a class="font-medium underline" href=href>
                        {machine.name.to_string()}
                    </a>
                    " runs on this disk. Stop it first for an image that is whole, or take the image from a snapshot while it runs: it then holds the disk as after a power cut, without what was only in memory. A guest agent makes sure that files are whole."
                </p>
                <label class="mt-2 flex items-center gap-2">
                    <input
                        type="checkbox"
                        prop:checked=move || is_live.get()
                        on:change=move |event| is_live.set(event_target_checked(&event))
                    />
                    "Take it from a snapshot while the machine runs"
                </label>
            </Notice>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::name_of_copy;

    #[test]
    fn a_copy_is_not_called_like_what_it_is_made_of() {
        assert_eq!(["blue/web-disk", "blue/golden", ""].map(name_of_copy), ["web-image", "golden-image", ""]);
    }
}
