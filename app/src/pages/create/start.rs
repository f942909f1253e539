//! The first half of the form: name and team, what it boots, how large it is.

use leptos::prelude::*;
use model::create::{Boot, Family, ImageKind, ImageOption, Run, size};

use super::controls::{Cards, Choice, Line, Section, text, word};
use super::state::Form;
use crate::paths;
use crate::ui::{Notice, Tone};

/// What it is called, whose it is, and which system it runs.
#[component]
pub fn Identity(form: Form) -> impl IntoView {
    let teams = Signal::derive(move || {
        form.options.with(|options| options.teams.iter().map(|team| (team.clone(), team.clone())).collect::<Vec<_>>())
    });
    let systems = Signal::derive(move || {
        let chosen = form.draft.with(|draft| draft.system.clone());
        form.options.with(|options| {
            let shown = options.systems.iter().filter(|card| !card.is_variant || card.id == chosen);
            let mut cards: Vec<_> = shown.collect();
            cards.sort_by_key(|card| match card.family {
                Family::Linux => 0,
                Family::Windows => 1,
                Family::Other => 2,
            });
            let about = |cpus: u32, mib: u64| format!("from {cpus} CPU, {}", size::words(mib));
            cards
                .into_iter()
                .map(|card| (card.id.clone(), card.label.clone(), about(card.cpus, card.memory_mib)))
                .collect::<Vec<_>>()
        })
    });
    view! {
        <Section title="Name and team">
            <Line
                form
                field=text!(name)
                label="Name"
                placeholder="web-1"
            />
            <Line
                form
                field=text!(copies)
                label="How many"
                placeholder="1"
                hint="Several count on from the name: web-1, web-2, web-3."
            />
            <Choice
                form
                field=text!(namespace)
                label="Team"
                on_choose=|form, team| form.choose_team(team)
                options=teams
            />
        </Section>
        <Section title="Operating system" hint="Decides which devices and firmware it gets, so that its set-up finds everything.">
            <Cards
                form
                field=text!(system)
                label="Operating system"
                on_choose=|form, id| form.choose_system(&id)
                options=systems
            />
        </Section>
    }
}

fn boot_cards() -> Vec<(String, String, String)> {
    let card = |boot: Boot, name: &str, about: &str| (boot.word().to_owned(), name.to_owned(), about.to_owned());
    vec![
        card(Boot::Iso, "An installation disc", "An ISO beside an empty disk"),
        card(Boot::Image, "A copy of an image", "Ready to use, its own disk"),
        card(Boot::Container, "A container disk", "Starts in seconds, forgets everything"),
        card(Boot::Blank, "An empty disk", "For network boot, or to fill later"),
    ]
}

/// What it starts from.
#[component]
pub fn Starts(form: Form) -> impl IntoView {
    let boot = Memo::new(move |_| form.draft.with(|draft| draft.boot));
    let images = Signal::derive(move || {
        let is_disc = boot.get() == Boot::Iso;
        let mut listed = vec![(String::new(), "Choose…".to_owned())];
        form.options.with(|options| {
            let fitting = options.images.iter().filter(|image| (image.kind == ImageKind::Iso) == is_disc);
            listed.extend(fitting.map(|image| (image.at.clone(), image_words(image))));
        });
        listed
    });
    let has_none = Memo::new(move |_| images.with(|images| images.len() == 1));
    view! {
        <Section title="What it starts from">
            <Cards
                form
                field=word!(boot: Boot)
                label="What it starts from"
                on_choose=|form, word| form.change("boot", |draft| {
                    draft.boot = Boot::from_word(&word);
                    draft.image.clear();
                })
                options=Signal::derive(boot_cards)
            />
            {move || match boot.get() {
                Boot::Iso | Boot::Image => {
                    let label = if boot.get() == Boot::Iso { "Installation disc" } else { "Image" };
                    view! {
                        <Choice
                            form
                            field=text!(image)
                            label=label
                            on_choose=|form, at| form.choose_image(&at)
                            options=images
                        />
                        {move || {
                            has_none
                                .get()
                                .then(|| {
                                    view! {
                                        <Notice tone=Tone::Info>
                                            "Your team has none yet. "
                                            <a class="text-accent underline" href=paths::IMAGES>
                                                "Upload or import one"
                                            </a>
                                            "; what you filled in here is kept."
                                        </Notice>
                                    }
                                })
                        }}
                    }
                        .into_any()
                }
                Boot::Container => {
                    view! {
                        <Line
                            form
                            field=text!(container)
                            label="Container image"
                            placeholder="quay.io/containerdisks/fedora:latest"
                        />
                    }
                        .into_any()
                }
                Boot::Blank => ().into_any(),
            }}
        </Section>
    }
}

fn image_words(image: &ImageOption) -> String {
    let size =
        if image.bytes > 0 { format!(" · {}", size::words(size::mib_of_bytes(image.bytes))) } else { String::new() };
    let wait = if image.unready.is_some() { " · not ready" } else { "" };
    format!("{}{size}{wait}", image.at)
}

/// Processors, memory, the first disk, and when it runs.
#[component]
pub fn Size(form: Form) -> impl IntoView {
    let has_sizes = Memo::new(move |_| form.options.with(|options| !options.sizes.is_empty()));
    let is_own = Memo::new(move |_| form.draft.with(|draft| draft.instancetype.is_empty()));
    let boot = Memo::new(move |_| form.draft.with(|draft| draft.boot));
    let sizes = Signal::derive(move || {
        let mut listed = vec![(String::new(), "A size of my own".to_owned())];
        form.options.with(|options| {
            listed.extend(options.sizes.iter().map(|size| {
                let note = if size.note.is_empty() { String::new() } else { format!(" · {}", size.note) };
                (
                    size.name.clone(),
                    format!("{} · {} CPU · {}{note}", size.name, size.cpus, size::words(size.memory_mib)),
                )
            }));
        });
        listed
    });
    let runs = Signal::derive(|| {
        Run::ALL.iter().map(|run| (run.word().to_owned(), run.label().to_owned())).collect::<Vec<_>>()
    });
    view! {
        <Section title="Size">
            {move || {
                has_sizes
                    .get()
                    .then(|| {
                        view! {
                            <Choice
                                form
                                field=text!(instancetype)
                                label="Ready-made size"
                                options=sizes
                            />
                        }
                    })
            }}
            <div class="flex flex-wrap gap-x-4 gap-y-4 *:w-36" class:hidden=move || !is_own.get()>
                <Line
                    form
                    field=text!(cpus)
                    label="CPUs"
                />
                <Line
                    form
                    field=text!(memory)
                    label="Memory"
                    placeholder="4 GiB"
                />
            </div>
            <div class="*:w-36" class:hidden=move || boot.get() == Boot::Container>
                <Line
                    form
                    field=text!(disk)
                    label="Disk"
                    placeholder="as its image"
                />
            </div>
            <Choice
                form
                field=word!(run: Run)
                label="When it runs"
                options=runs
            />
        </Section>
    }
}
