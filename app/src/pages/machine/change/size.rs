//! Processors and memory.

use leptos::prelude::*;
use model::ObjectRef;
use model::create::size;
use model::editing::MachineEditing;
use server_fn::ServerFn;

use super::{ChangeForm, Changer, INPUT};
use crate::api::editing::{ResizeMachine, resize_machine};
use crate::ui::{Look, button_class};

/// A ready-made size, or processors and memory.
#[component]
pub(super) fn Resize(at: ObjectRef, editing: MachineEditing, changer: Changer) -> impl IntoView {
    let MachineEditing { sizes, instancetype, cpus, memory_mib, .. } = editing;
    let is_ready_made = !instancetype.is_empty();
    let chosen = RwSignal::new(instancetype.clone());
    let cpus = RwSignal::new(cpus.map(|cpus| cpus.to_string()).unwrap_or_default());
    let memory = RwSignal::new(memory_mib.map(size::words).unwrap_or_default());
    let send = move |namespace, name| {
        resize_machine(namespace, name, chosen.get_untracked(), cpus.get_untracked(), memory.get_untracked())
    };
    let fields = if is_ready_made {
        view! {
            <select class=INPUT name="instancetype" aria-label="Size" on:change=move |event| chosen.set(event_target_value(&event))>
                {sizes
                    .into_iter()
                    .map(|size| {
                        let is_now = size.name == instancetype;
                        let words = format!("{} · {} CPU · {}", size.name, size.cpus, size::words(size.memory_mib));
                        view! { <option value=size.name selected=is_now>{words}</option> }
                    })
                    .collect_view()}
            </select>
            <input type="hidden" name="cpus" value=""/>
            <input type="hidden" name="memory" value=""/>
        }
        .into_any()
    } else {
        view! {
            <input type="hidden" name="instancetype" value=""/>
            <input
                class=format!("{INPUT} w-14")
                name="cpus"
                aria-label="CPUs"
                value=cpus.get_untracked()
                on:input=move |event| cpus.set(event_target_value(&event))
            />
            <span class="text-sm text-ink-faint">"CPU"</span>
            <input
                class=format!("{INPUT} w-24")
                name="memory"
                aria-label="Memory"
                value=memory.get_untracked()
                on:input=move |event| memory.set(event_target_value(&event))
            />
        }
        .into_any()
    };
    let done = "The new size is set. What cannot change live waits for the next start.";
    view! {
        <ChangeForm at action=ResizeMachine::url() send done changer>
            {fields}
            <button type="submit" class=button_class(Look::Plain)>
                "Change size"
            </button>
        </ChangeForm>
    }
}
