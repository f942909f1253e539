//! The tray: uploads in a corner of every page.

use leptos::prelude::*;
use model::image::size::bytes_words;
use model::upload::{UploadStage, UploadState};

use super::{Item, Uploads};
use crate::platform;
use crate::ui::{Bar, Glyph, Icon, Look, button_class};
use crate::{paths, words};

/// The tray; nothing while nothing is uploaded.
#[component]
pub fn Tray() -> impl IntoView {
    let uploads = Uploads::expect();
    Effect::new(move |_| uploads.load());
    let has_any = Memo::new(move |_| !uploads.items().is_empty());
    let ids = Memo::new(move |_| uploads.items().into_iter().map(|item| item.state.id).collect::<Vec<_>>());
    let summary = Memo::new(move |_| summary(&uploads.items()));
    view! {
        <Show when=move || has_any.get()>
            <aside
                class="float fixed bottom-16 left-3 z-40 w-[min(24rem,calc(100vw-1.5rem))] lg:bottom-4 lg:left-[calc(var(--spacing)*52+1rem)]"
                aria-label="Uploads"
            >
                <details open=true>
                    <summary class="flex h-10 items-center gap-2 rounded-panel px-3 text-sm font-medium">
                        <Icon glyph=Glyph::Upload/>
                        <span class="min-w-0 flex-1 truncate tabular" role="status">
                            {summary}
                        </span>
                        <Icon glyph=Glyph::Down/>
                    </summary>
                    <ul class="max-h-72 overflow-y-auto border-t border-rule">
                        <For each=move || ids.get() key=Clone::clone let:id>
                            <Line id/>
                        </For>
                    </ul>
                </details>
            </aside>
        </Show>
    }
}

/// All of it in one line: how many, how much, how long.
fn summary(items: &[Item]) -> String {
    let running: Vec<_> = items.iter().filter(|item| !item.state.stage.is_over()).collect();
    let Some(first) = running.first() else { return words::counted(count(items.len()), "upload") + " ended" };
    if running.iter().all(|item| item.file.is_none() && item.state.stage.takes_chunks()) {
        return format!("{} waiting for the file", words::counted(count(running.len()), "upload"));
    }
    if let [one] = running.as_slice() {
        return format!("{} · {}", one.state.at.name, told(&first.state));
    }
    let sent: u64 = running.iter().map(|item| item.state.sent_bytes).sum();
    let size: u64 = running.iter().map(|item| item.state.file.size).sum();
    let speed: u64 = running.iter().map(|item| item.state.bytes_per_second).sum();
    let left = size.saturating_sub(sent).checked_div(speed);
    let left = left.map(|left| format!(" · {} left", time(left))).unwrap_or_default();
    format!("{} · {} %{left}", words::counted(count(running.len()), "upload"), sent * 100 / size.max(1))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A number of seconds as a person says it.
pub(crate) fn time(seconds: u64) -> String {
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} m", seconds.div_ceil(60)),
        _ => format!("{} h {} m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How far an upload is, in a few words.
fn told(state: &UploadState) -> String {
    match &state.stage {
        UploadStage::Preparing { waits_for } => waits_for.clone(),
        UploadStage::Receiving => {
            let speed = if state.bytes_per_second > 0 {
                format!(" · {}/s", bytes_words(state.bytes_per_second))
            } else {
                String::new()
            };
            let left = state.seconds_left().map(|left| format!(" · {} left", time(left))).unwrap_or_default();
            format!("{} %{speed}{left}", state.hundredths() / 100)
        }
        UploadStage::Finishing => "the cluster checks and converts it".to_owned(),
        UploadStage::Done => "ready to use".to_owned(),
        UploadStage::Failed { reason } => reason.clone(),
        UploadStage::Cancelled => "cancelled".to_owned(),
    }
}

#[component]
fn Line(id: String) -> impl IntoView {
    let uploads = Uploads::expect();
    let key = StoredValue::new(id);
    let item = Memo::new(move |_| key.with_value(|id| uploads.items().into_iter().find(|item| item.state.id == *id)));
    move || {
        let item = item.get()?;
        let state = &item.state;
        let (is_over, wants_file) = (state.stage.is_over(), item.file.is_none() && state.stage.takes_chunks());
        let hundredths = matches!(state.stage, UploadStage::Receiving).then(|| state.hundredths());
        let name = state.at.name.to_string();
        let tone = if matches!(state.stage, UploadStage::Failed { .. }) { "text-bad" } else { "text-ink-quiet" };
        let restarted = state.restarted.clone().filter(|_| !is_over && state.attempt > 1);
        Some(view! {
            <li class="flex flex-col gap-1 border-b border-rule px-3 py-2 text-sm last:border-0">
                <div class="flex items-center gap-2">
                    <a class="min-w-0 flex-1 truncate rounded-control font-medium hover:text-accent" href=paths::image(&state.at)>
                        {name.clone()}
                    </a>
                    {if is_over {
                        view! {
                            <button
                                type="button"
                                class=button_class(Look::Quiet)
                                aria-label=format!("Take {name} off this list")
                                on:click=move |_| key.with_value(|id| uploads.dismiss(id))
                            >
                                <Icon glyph=Glyph::Close/>
                            </button>
                        }
                            .into_any()
                    } else {
                        view! {
                            <button
                                type="button"
                                class=button_class(Look::Quiet)
                                aria-label=format!("Cancel the upload of {name}")
                                on:click=move |_| uploads.cancel(key.get_value())
                            >
                                "Cancel"
                            </button>
                        }
                            .into_any()
                    }}
                </div>
                {(!is_over).then(|| view! { <Bar hundredths label=format!("Upload of {name}")/> })}
                <p class=format!("prose-line text-xs tabular {tone}")>{told(state)}</p>
                {restarted.map(|why| view! { <p class="prose-line text-xs text-ink-faint">"Began again: " {why}</p> })}
                {item.note.clone().map(|note| view! { <p class="prose-line text-xs text-warn" role="alert">{note}</p> })}
                {wants_file
                    .then(|| {
                        view! {
                            <label class=format!("{} mt-1 cursor-pointer self-start", button_class(Look::Plain))>
                                "Choose " {state.file.name.clone()} " again to go on"
                                <input
                                    type="file"
                                    class="sr-only"
                                    on:change=move |event| {
                                        if let Some(file) = platform::files_of(&event).into_iter().next() {
                                            uploads.go_on(key.get_value(), file);
                                        }
                                    }
                                />
                            </label>
                        }
                    })}
            </li>
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ObjectRef;
    use model::upload::FileMark;

    fn item(sent: u64, has_file: bool) -> Item {
        let state = UploadState {
            id: "1".to_owned(),
            at: ObjectRef::parse("blue", "debian").expect("a name"),
            file: FileMark { name: "d.iso".to_owned(), size: 1000, modified: 0, first_chunk: String::new() },
            stage: UploadStage::Receiving,
            attempt: 1,
            next_chunk: 0,
            sent_bytes: sent,
            bytes_per_second: 100,
            heard: 0,
            restarted: None,
        };
        let file = platform::ChosenFile { key: 1, name: "d.iso".to_owned(), size: 1000, modified: 0 };
        Item { state, file: has_file.then_some(file), note: None }
    }

    #[test]
    fn the_tray_says_in_one_line_how_it_stands() {
        assert_eq!(summary(&[item(500, true)]), "debian · 50 % · 100 B/s · 5 s left");
        assert_eq!(summary(&[item(500, true), item(0, true)]), "2 uploads · 25 % · 7 s left");
        assert_eq!(summary(&[item(500, false)]), "1 upload waiting for the file");
    }

    #[test]
    fn long_times_are_told_in_larger_units() {
        assert_eq!([5, 89, 90, 5400, 9000].map(time), ["5 s", "89 s", "2 m", "1 h 30 m", "2 h 30 m"]);
    }
}
