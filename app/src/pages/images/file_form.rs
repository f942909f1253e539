//! One chosen file: what it is, and the form for the image that it becomes.

use leptos::prelude::*;
use leptos::task::spawn_local;
use model::UiError;
use model::image::size::{bytes_words, propose, read_bytes};
use model::image::{ImageChoices, suggest_name};
use model::sniff::{Format, HEAD_BYTES, NotAnImage, Sniffed, TAIL_BYTES, sniff};
use model::upload::{UploadRequest, check};

use super::field::{Choice, Line, classes, first_class, foreseen, systems, teams};
use crate::components::uploads::{Uploads, mark};
use crate::paths;
use crate::platform::{self, ChosenFile};
use crate::ui::{Glyph, Icon, Look, Notice, Tone, button_class};

/// What was found out about a file.
#[derive(Clone, Debug, PartialEq)]
enum Known {
    /// It is being read.
    Reading,
    /// The browser cannot read it.
    Unreadable,
    /// It cannot become an image.
    Not(NotAnImage),
    /// It is one.
    Image(Sniffed),
    /// It is being uploaded; the image's page.
    Sent(String),
}

/// What is typed, and what is wrong with it.
#[derive(Clone, Copy)]
struct Draft {
    known: RwSignal<Known>,
    name: RwSignal<String>,
    team: RwSignal<String>,
    class: RwSignal<String>,
    size: RwSignal<String>,
    sha256: RwSignal<String>,
    system: RwSignal<String>,
    is_image: RwSignal<bool>,
    problem: RwSignal<Option<UiError>>,
    is_sending: RwSignal<bool>,
}

impl Draft {
    fn new(file: &ChosenFile, choices: &ImageChoices, team: String) -> Self {
        let team = if choices.namespaces.contains(&team) {
            team
        } else {
            choices.namespaces.first().cloned().unwrap_or_default()
        };
        Self {
            known: RwSignal::new(Known::Reading),
            name: RwSignal::new(suggest_name(&file.name)),
            team: RwSignal::new(team),
            class: RwSignal::new(first_class(choices)),
            size: RwSignal::new(String::new()),
            sha256: RwSignal::new(String::new()),
            system: RwSignal::new(String::new()),
            is_image: RwSignal::new(false),
            problem: RwSignal::new(None),
            is_sending: RwSignal::new(false),
        }
    }

    /// Reads the first and the last bytes.
    async fn look(self, file: ChosenFile) {
        let head = platform::read_file(file.key, 0, file.size.min(HEAD_BYTES)).await;
        let tail = platform::read_file(file.key, file.size.saturating_sub(TAIL_BYTES), file.size).await;
        let known = match (head, tail) {
            (Some(head), Some(tail)) => match sniff(&file.name, &head, &tail, file.size) {
                Ok(found) => {
                    if let Some(bytes) = found.virtual_bytes {
                        self.size.try_set(bytes_words(model::image::size::whole_mib(bytes)));
                    }
                    self.is_image.try_set(found.format != Some(Format::Iso));
                    Known::Image(found)
                }
                Err(refusal) => Known::Not(refusal),
            },
            _ => Known::Unreadable,
        };
        self.known.try_set(known);
    }

    /// What is wrong with one field.
    fn wrong(self, field: &'static str) -> Signal<String> {
        Signal::derive(move || {
            let of =
                |problem: &Option<UiError>| problem.as_ref().and_then(|problem| problem.fields.get(field).cloned());
            self.problem.with(of).unwrap_or_default()
        })
    }

    /// The disk's size: as it was typed, but never a rounded number where the file tells it exactly.
    fn disk_bytes(self) -> u64 {
        let typed = self.size.get_untracked();
        let told = self.known.with_untracked(|known| match known {
            Known::Image(found) => found.virtual_bytes,
            _ => None,
        });
        match told {
            Some(bytes) if typed == bytes_words(model::image::size::whole_mib(bytes)) => bytes,
            _ => read_bytes(&typed).unwrap_or(0),
        }
    }

    fn request(self, file: model::upload::FileMark) -> UploadRequest {
        let format = self.known.with_untracked(|known| match known {
            Known::Image(found) => found.format.map(|format| format.word().to_owned()).unwrap_or_default(),
            _ => String::new(),
        });
        UploadRequest {
            namespace: self.team.get_untracked(),
            name: self.name.get_untracked().trim().to_owned(),
            file,
            disk_bytes: self.disk_bytes(),
            class: self.class.get_untracked(),
            access_mode: String::new(),
            volume_mode: String::new(),
            format,
            preference: self.system.get_untracked(),
            sha256: self.sha256.get_untracked().trim().to_ascii_lowercase(),
            is_image: self.is_image.get_untracked(),
        }
    }

    async fn send(self, uploads: Uploads, file: ChosenFile, choices: ImageChoices) {
        let Some(mark) = mark(&file).await else {
            self.known.try_set(Known::Unreadable);
            return;
        };
        let mut request = self.request(mark);
        // Where CDI does not know a class, it has to be told how to use it.
        let class = choices.classes.iter().find(|class| class.name == request.class);
        let proposal = propose(request.disk_bytes, class);
        if class.is_some() {
            request.access_mode = proposal.access_mode;
            request.volume_mode = proposal.volume_mode;
        }
        let fields = check(&request);
        if !fields.is_empty() {
            let message = fields.values().next().cloned().unwrap_or_default();
            self.problem.try_set(Some(UiError { fields, ..UiError::new(model::ErrorCode::Invalid, message) }));
            return;
        }
        self.is_sending.try_set(true);
        match uploads.begin(&request, file).await {
            Ok(at) => {
                self.known.try_set(Known::Sent(paths::image(&at)));
            }
            Err(error) => {
                self.problem.try_set(Some(error));
            }
        }
        self.is_sending.try_set(false);
    }
}

/// One file.
#[component]
pub(super) fn FileForm(
    /// The file.
    file: ChosenFile,
    /// What the cluster offers.
    choices: ImageChoices,
    /// The team that is chosen first.
    team: String,
    /// Takes the file off the page.
    on_remove: Callback<u32>,
) -> impl IntoView {
    let draft = Draft::new(&file, &choices, team);
    let (key, name, size) = (file.key, file.name.clone(), file.size);
    spawn_local(draft.look(file.clone()));
    let parts = StoredValue::new((file, choices));
    let what = move || {
        draft.known.with(|known| match known {
            Known::Reading => "reading its first bytes".to_owned(),
            Known::Image(found) => {
                let label = found.label.as_ref().map(|label| format!(" · {label}")).unwrap_or_default();
                let disk = found.virtual_bytes.filter(|bytes| *bytes != size);
                let disk = disk.map(|bytes| format!(" · a disk of {}", bytes_words(bytes))).unwrap_or_default();
                format!("{}{label}{disk}", found.words())
            }
            Known::Unreadable => "cannot be read".to_owned(),
            Known::Not(_) => "not an image".to_owned(),
            Known::Sent(_) => "on its way".to_owned(),
        })
    };
    view! {
        <li class="border-t border-rule py-4">
            <div class="flex items-center gap-3">
                <span class="text-ink-faint">
                    <Icon glyph=Glyph::Disc/>
                </span>
                <div class="min-w-0 flex-1">
                    <p class="truncate font-medium">{name.clone()}</p>
                    <p class="truncate text-sm text-ink-quiet tabular">{bytes_words(size)} " · " {what}</p>
                </div>
                <button
                    type="button"
                    class=button_class(Look::Quiet)
                    aria-label=format!("Take {name} off this page")
                    on:click=move |_| on_remove.run(key)
                >
                    <Icon glyph=Glyph::Close/>
                </button>
            </div>
            {move || match draft.known.get() {
                Known::Reading => ().into_any(),
                Known::Unreadable => {
                    let text = "The browser cannot read this file. It may have been moved, or you may not be allowed to read it. Choose it again.";
                    view! { <div class="mt-3"><Notice tone=Tone::Bad>{text}</Notice></div> }.into_any()
                }
                Known::Not(refusal) => {
                    view! { <div class="mt-3"><Notice tone=Tone::Bad>{refusal.to_string()}</Notice></div> }.into_any()
                }
                Known::Sent(href) => {
                    view! {
                        <div class="mt-3">
                            <Notice tone=Tone::Good>
                                "It is being uploaded. You can go on to other pages; the tray shows how far it is. "
                                <a class="underline" href=href>
                                    "Show the image"
                                </a>
                            </Notice>
                        </div>
                    }
                        .into_any()
                }
                Known::Image(found) => view! { <Fields draft found parts/> }.into_any(),
            }}
        </li>
    }
}

#[component]
fn Fields(draft: Draft, found: Sniffed, parts: StoredValue<(ChosenFile, ImageChoices)>) -> impl IntoView {
    let uploads = Uploads::expect();
    let (file, choices) = parts.get_value();
    let id = move |field: &str| format!("{field}-{}", file.key);
    let is_disc = found.format == Some(Format::Iso);
    let room = Signal::derive(move || {
        let bytes = read_bytes(&draft.size.get()).unwrap_or(0);
        let class = draft.class.get();
        parts.with_value(|(_, choices)| {
            let class = choices.classes.iter().find(|known| known.name == class);
            let proposal = propose(bytes, class);
            let cost = proposal.cost.map(|cost| format!(" {cost}")).unwrap_or_default();
            if bytes == 0 {
                "The disk as the guest sees it, such as 20 GiB.".to_owned()
            } else {
                format!("Takes {} of the team's storage.{cost}", bytes_words(proposal.claim_bytes))
            }
        })
    });
    let (team_options, class_options, system_options) = (teams(&choices), classes(&choices), systems(&choices));
    view! {
        {found.caution().map(|text| view! { <div class="mt-3"><Notice tone=Tone::Warn>{text}</Notice></div> })}
        <form
            class="mt-4 grid gap-x-5 gap-y-4 md:grid-cols-2"
            on:submit=move |event| {
                event.prevent_default();
                if !draft.is_sending.get_untracked() {
                    draft.problem.set(None);
                    let (file, choices) = parts.get_value();
                    spawn_local(draft.send(uploads, file, choices));
                }
            }
        >
            <Line label="Name" id=id("name") value=draft.name error=draft.wrong("name")/>
            <Choice label="Team" id=id("team") value=draft.team options=team_options error=draft.wrong("namespace")/>
            <Line label="Size of the disk" id=id("size") value=draft.size help=room error=draft.wrong("size")/>
            <Choice
                label="Storage class"
                id=id("class")
                value=draft.class
                options=class_options
                help=Signal::derive(move || parts.with_value(|(_, choices)| foreseen(choices, &draft.class.get())))
                error=draft.wrong("class")
            />
            {(system_options.len() > 1)
                .then(|| {
                    view! {
                        <Choice
                            label="Operating system (optional)"
                            id=id("system")
                            value=draft.system
                            options=system_options
                            error=draft.wrong("preference")
                        />
                    }
                })}
            <div class="md:col-span-2">
                <Line
                    label="SHA-256 (optional)"
                    id=id("sha256")
                    value=draft.sha256
                    help=Signal::stored("If the publisher gives one: a file with another checksum is refused.".to_owned())
                    error=draft.wrong("sha256")
                />
            </div>
            {(!is_disc)
                .then(|| {
                    view! {
                        <label class="flex items-center gap-2 text-sm md:col-span-2">
                            <input
                                type="checkbox"
                                prop:checked=move || draft.is_image.get()
                                on:change=move |event| draft.is_image.set(event_target_checked(&event))
                            />
                            "New machines can be made from it: each gets a copy"
                        </label>
                    }
                })}
            <div class="flex flex-col gap-3 md:col-span-2">
                {move || {
                    draft
                        .problem
                        .get()
                        .filter(|problem| problem.fields.is_empty() || problem.fields.contains_key("file"))
                        .map(|problem| view! { <Notice tone=Tone::Bad>{problem.message}</Notice> })
                }}
                <div>
                    <button
                        type="submit"
                        class=button_class(Look::Primary)
                        aria-disabled=move || draft.is_sending.get().then_some("true")
                    >
                        <Icon glyph=Glyph::Upload/>
                        {move || if draft.is_sending.get() { "Making room for it…" } else { "Upload" }}
                    </button>
                </div>
            </div>
        </form>
    }
}
