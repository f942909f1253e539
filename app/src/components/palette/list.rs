//! The palette's dialog: a field and its list, as assistive technology knows them (combobox and listbox).

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use model::machine::MachineDetail;

use super::Palette;
use super::entries::{Does, Entry, entries, machine_in_view, remember, remembered};
use crate::api::{self, Answer};
use crate::components::frame::Session;
use crate::components::power::Power;
use crate::components::toasts::Toasts;
use crate::platform;
use crate::ui::{Icon, Tone};
use crate::words;

/// Where the last choices are kept, for each account of this browser.
fn memory(session: Session) -> String {
    let who = session.who.with_untracked(|who| who.as_ref().and_then(|who| Some(who.as_ref().ok()?.username.clone())));
    format!("palette-{}", who.unwrap_or_default())
}

/// The dialog. It opens as soon as it is there, and each time that the palette is asked for.
#[component]
pub fn PaletteDialog() -> impl IntoView {
    let palette = Palette::expect();
    let session = Session::expect();
    let power = Power::expect();
    let toasts = Toasts::expect();
    let navigate = use_navigate();
    let dialog = NodeRef::<html::Dialog>::new();
    let (text, set_text) = signal(String::new());
    let (at, set_at) = signal(0_usize);
    let (recent, set_recent) = signal(Vec::new());
    let (shown, problem) = lines(palette, session, text, recent);
    Effect::new(move |_| {
        if palette.asked.get() > 0 {
            set_recent.set(remembered(&platform::kept(&memory(session)).unwrap_or_default()));
            set_text.set(String::new());
            set_at.set(0);
            platform::show_dialog(dialog);
        }
    });
    let choose = StoredValue::new(move |entry: Entry| {
        if let Some(reason) = entry.denied {
            toasts.say(Tone::Warn, format!("{}: {reason}", entry.label));
            return;
        }
        platform::close_dialog(dialog);
        keep(&memory(session), &entry);
        match entry.does {
            Does::Go(path) => navigate(&path, NavigateOptions::default()),
            Does::Act(machine, action, was) => power.run(machine, action, was),
            Does::Copy(text) => {
                platform::copy(&text);
                toasts.say(Tone::Good, "Copied.");
            }
        }
    });
    let on_key = move |event: leptos::ev::KeyboardEvent| {
        let count = shown.with_untracked(Vec::len);
        let now = at.get_untracked();
        if event.key() == "Enter" {
            event.prevent_default();
            if let Some(entry) = shown.with_untracked(|shown| shown.get(now).cloned()) {
                choose.with_value(|choose| choose(entry));
            }
            return;
        }
        let Some(next) = moved(&event.key(), now, count) else { return };
        event.prevent_default();
        set_at.set(next);
        platform::scroll_to_id(&id(next));
    };
    let options = move || {
        let entries = shown.get().into_iter().enumerate();
        entries.map(|(place, entry)| view! { <Line place entry at set_at choose/> }).collect_view()
    };
    view! {
        <dialog
            node_ref=dialog
            class="float m-auto mt-[12vh] w-[min(38rem,calc(100vw-2rem))] p-0 backdrop:bg-black/30"
            aria-label="Go to, find, do"
            closedby="any"
        >
            <input
                class="h-12 w-full rounded-t-panel border-b border-rule bg-transparent px-4 text-base outline-none placeholder:text-ink-faint"
                type="text"
                role="combobox"
                aria-expanded="true"
                aria-controls="palette-list"
                aria-autocomplete="list"
                aria-activedescendant=move || (!shown.with(Vec::is_empty)).then(|| id(at.get()))
                aria-label="A page, a name or an action"
                placeholder="A page, a name or an action"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                autofocus
                prop:value=text
                on:input=move |event| {
                    set_text.set(event_target_value(&event));
                    set_at.set(0);
                }
                on:keydown=on_key
            />
            <ul id="palette-list" role="listbox" aria-label="What fits" class="max-h-[50vh] overflow-y-auto p-1.5">
                {options}
            </ul>
            <p class="border-t border-rule px-4 py-2 text-xs text-ink-faint" role="status">
                {move || problem.get().unwrap_or_else(|| summary(shown.with(Vec::len)))}
            </p>
        </dialog>
    }
}

/// Puts what was chosen before what was chosen earlier.
fn keep(place: &str, entry: &Entry) {
    platform::keep(place, &remember(&platform::kept(place).unwrap_or_default(), entry));
}

/// How much is offered, and how to go on.
fn summary(count: usize) -> String {
    if count == 0 {
        return "Nothing fits. Machines, pods and images are found by their names.".to_owned();
    }
    words::counted(u32::try_from(count).unwrap_or(u32::MAX), "line") + " · Enter chooses, Escape closes"
}

/// What is offered for what was typed, and why nothing could be looked for.
fn lines(
    palette: Palette,
    session: Session,
    text: ReadSignal<String>,
    recent: ReadSignal<Vec<Entry>>,
) -> (Memo<Vec<Entry>>, Signal<Option<String>>) {
    let path = use_location().pathname;
    let machine = Resource::new(
        move || (palette.asked.get(), machine_in_view(&path.get())),
        |(_, at)| async move {
            match at {
                Some(at) => api::machines::get_machine(at.namespace.to_string(), at.name.to_string()).await.map(Some),
                None => Ok(None),
            }
        },
    );
    let found = Resource::new(
        move || text.get(),
        |text| async move { if text.trim().is_empty() { Ok(Vec::new()) } else { api::session::find(text).await } },
    );
    let shown = Memo::new(move |_| {
        let is_administrator = session.who.with(|who| matches!(who, Some(Ok(who)) if who.is_administrator));
        let machine: Option<MachineDetail> = machine.get().and_then(Result::ok).flatten();
        let found = found.get().and_then(Result::ok).unwrap_or_default();
        recent.with(|recent| {
            entries(&text.get(), recent, machine.as_ref().map(|machine| &machine.row), &found, is_administrator)
        })
    });
    let problem = move || found.get().and_then(|answer: Answer<_>| answer.err()).map(|error| error.0.message);
    (shown, Signal::derive(problem))
}

/// The line that a key leads to from another one, of so many.
fn moved(key: &str, from: usize, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    match key {
        "ArrowDown" => Some(if from >= last { 0 } else { from + 1 }),
        "ArrowUp" => Some(if from == 0 { last } else { from - 1 }),
        "PageDown" => Some((from + 8).min(last)),
        "PageUp" => Some(from.saturating_sub(8)),
        _ => None,
    }
}

fn id(place: usize) -> String {
    format!("palette-{place}")
}

#[component]
fn Line<F: Fn(Entry) + Send + Sync + 'static>(
    place: usize,
    entry: Entry,
    at: ReadSignal<usize>,
    set_at: WriteSignal<usize>,
    choose: StoredValue<F>,
) -> impl IntoView {
    let Entry { glyph, label, hint, denied, .. } = entry.clone();
    let is_denied = denied.is_some();
    view! {
        <li
            id=id(place)
            role="option"
            aria-selected=move || (at.get() == place).to_string()
            aria-disabled=is_denied.then_some("true")
            class="flex cursor-pointer items-center gap-2.5 rounded-control px-2.5 py-2 text-sm aria-disabled:text-ink-faint aria-selected:bg-accent-soft"
            on:pointermove=move |_| set_at.set(place)
            on:click=move |_| choose.with_value(|choose| choose(entry.clone()))
        >
            <Icon glyph/>
            <span class="min-w-0 flex-1 truncate">{label}</span>
            <span class="max-w-[45%] truncate text-xs text-ink-faint">{denied.unwrap_or(hint)}</span>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn arrows_go_round_and_pages_stop_at_the_ends() {
        assert_eq!(moved("ArrowDown", 2, 3), Some(0));
        assert_eq!(moved("ArrowUp", 0, 3), Some(2));
        assert_eq!(moved("PageDown", 1, 3), Some(2));
        assert_eq!(moved("PageUp", 1, 3), Some(0));
        assert_eq!(moved("ArrowDown", 0, 0), None);
        assert_eq!(moved("a", 0, 3), None);
    }
}
