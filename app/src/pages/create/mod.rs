//! A new machine: the form, and beside it what will be made.
//!
//! Everything typed is kept in the browser until the machine is made, so that neither a reload nor a sign-out nor a
//! refusal loses it; only the password is not kept. Without script the same form posts itself; a refusal then leads
//! back here with the basic fields in the address, and the server checks them again to say what is wrong.

mod ask;
mod beside;
mod controls;
mod defaults;
mod keep;
mod manifest;
mod more;
mod start;
mod state;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::UiError;
use model::create::{CreateOptions, MachineDraft, MachineTemplate, Problems, count, filled, with_secrets_open};
use server_fn::ServerFn;

use crate::api;
use crate::api::create::CreateMachines;
use crate::paths;
use crate::ui::{Empty, Glyph, Icon, Loaded, Look, Notice, Skeleton, Tone, button_class};
use beside::Beside;
use state::Form;

/// The form's id: the manifest stands beside the form and goes with it.
const FORM: &str = "new-machine";

/// The page.
#[component]
pub fn NewMachinePage() -> impl IntoView {
    let params = use_query_map();
    let asked = params.with_untracked(paths::draft_query);
    let is_checked = params.with_untracked(|params| params.get("check").is_some());
    let draft = RwSignal::new(asked.clone());
    // Not the draft's own: that is filled in from these very options.
    let team = RwSignal::new(asked.namespace.clone());
    let template = params.with_untracked(|params| params.get("template").unwrap_or_default());
    let template = Resource::new(
        || (),
        move |()| {
            let at = template.clone();
            async move { if at.is_empty() { Ok(None) } else { api::templates::get_template(at).await.map(Some) } }
        },
    );
    let options = Resource::new(move || team.get(), api::create::get_create_options);
    // Only after a plain form was refused: what is wrong is found out anew, because no link may bring the words.
    let check = Resource::new(
        move || is_checked.then(|| draft.get_untracked()),
        |draft| async move {
            match draft {
                Some(draft) => api::create::check_machines(draft).await.err().map(|error| error.0),
                None => None,
            }
        },
    );
    view! {
        <Title text="New machine"/>
        <Loaded resource=template is_page=true waiting=|| view! { <Heading/> <Skeleton rows=12/> } let:template>
            {
                let asked = asked.clone();
                let template = template.get_untracked();
                view! {
                    <Loaded resource=options is_page=true waiting=|| view! { <Heading/> <Skeleton rows=12/> } let:options>
                        <Heading/>
                        <Begun draft options team asked=asked.clone() check is_checked template=template.clone()/>
                    </Loaded>
                }
            }
        </Loaded>
    }
}

/// First what the template asks for, if it asks for anything; then the form.
#[component]
fn Begun(
    draft: RwSignal<MachineDraft>,
    options: Memo<CreateOptions>,
    team: RwSignal<String>,
    asked: MachineDraft,
    check: Resource<Option<UiError>>,
    is_checked: bool,
    template: Option<MachineTemplate>,
) -> impl IntoView {
    let params = use_query_map();
    let values = params.with_untracked(paths::parameter_values);
    let is_change = params.with_untracked(|params| params.get("change").is_some());
    let begin = move |filled: MachineDraft| {
        draft.update(|draft| {
            let name = if filled.name.is_empty() { draft.name.clone() } else { filled.name };
            *draft = MachineDraft { name, namespace: draft.namespace.clone(), ..filled };
        });
    };
    let is_answered = params.with_untracked(|params| params.get("answered").is_some());
    let mut problems = Problems::new();
    let mut asks = false;
    if let Some(template) = &template {
        match filled(template, &with_secrets_open(template, values.clone())) {
            _ if is_change => begin(template.written_out()),
            Ok(draft) if is_answered || template.parameters.is_empty() => begin(draft),
            Err(wrong) if is_answered => (asks, problems) = (true, wrong),
            _ => asks = true,
        }
    }
    let is_asking = RwSignal::new(asks);
    let message = template.as_ref().map(|template| template.message.clone()).filter(|message| !message.is_empty());
    let kept = keep::Kept::of(template.as_ref().filter(|_| is_change));
    view! {
        {message.map(|message| view! { <div class="mb-4"><Notice tone=Tone::Info>{message}</Notice></div> })}
        {move || {
            if let Some(template) = template.clone().filter(|_| is_asking.get()) {
                let done = Callback::new(move |filled| {
                    begin(filled);
                    is_asking.set(false);
                });
                let (namespace, values, problems) = (asked.namespace.clone(), values.clone(), problems.clone());
                return view! { <ask::Ask template namespace values problems done/> }.into_any();
            }
            let is_from_template = template.is_some();
            view! { <Filled draft options team asked=asked.clone() check is_checked is_from_template kept=kept.clone()/> }
                .into_any()
        }}
    }
}

#[component]
fn Heading() -> impl IntoView {
    view! {
        <header class="mb-5 flex flex-wrap items-center gap-x-3 gap-y-1">
            <a class=format!("{} -ml-2", button_class(Look::Quiet)) href=paths::MACHINES>
                <Icon glyph=Glyph::Back/>
                "Machines"
            </a>
            <h1 class="text-xl whitespace-nowrap">"New machine"</h1>
            <a class=format!("{} ml-auto", button_class(Look::Quiet)) href=paths::TEMPLATES>
                "From a template"
            </a>
        </header>
    }
}

#[component]
fn Filled(
    draft: RwSignal<MachineDraft>,
    options: Memo<CreateOptions>,
    team: RwSignal<String>,
    asked: MachineDraft,
    check: Resource<Option<UiError>>,
    is_checked: bool,
    is_from_template: bool,
    kept: keep::Kept,
) -> impl IntoView {
    let has_team = Memo::new(move |_| options.with(|options| !options.teams.is_empty()));
    let form = Form::new(draft, options, team, (!is_from_template).then_some(asked));
    if is_checked {
        form.show_all();
    }
    move || {
        if !has_team.get() {
            return view! {
                <Empty glyph=Glyph::Lock title="You cannot create machines yet">
                    <p>
                        "No namespace lets you create machines. Ask an administrator to give your account a role such as "
                        <code class="font-mono text-xs">"kubevirt.io:edit"</code> " in your team's namespace."
                    </p>
                </Empty>
            }
            .into_any();
        }
        view! {
            <div class="grid items-start gap-x-10 gap-y-8 lg:grid-cols-[minmax(0,1fr)_22rem] xl:grid-cols-[minmax(0,1fr)_28rem]">
                <form
                    id=FORM
                    method="post"
                    action=CreateMachines::url()
                    class="flex min-w-0 flex-col gap-9"
                    on:submit=move |event| {
                        event.prevent_default();
                        form.submit();
                    }
                >
                    <Refused form check/>
                    <start::Identity form/>
                    <start::Starts form/>
                    <start::Size form/>
                    <more::Disks form/>
                    <more::Network form/>
                    <more::Access form/>
                    <more::Special form/>
                    <Finish form kept=kept.clone()/>
                </form>
                <Beside form/>
            </div>
        }
        .into_any()
    }
}

/// What was refused as a whole; what concerns a field stands at the field.
#[component]
fn Refused(form: Form, check: Resource<Option<UiError>>) -> impl IntoView {
    view! {
        <Transition>
            {move || {
                let told = form.refusal.get().or_else(|| check.get().flatten());
                if let Some(error) = &told {
                    form.note(error);
                }
                told.map(|error| view! { <Notice tone=Tone::Bad>{error.message}</Notice> })
            }}
        </Transition>
    }
}

#[component]
fn Finish(form: Form, kept: keep::Kept) -> impl IntoView {
    let label = move || match form.draft.with(count) {
        _ if form.is_busy.get() => "Creating…".to_owned(),
        1 => "Create machine".to_owned(),
        count => format!("Create {count} machines"),
    };
    view! {
        <div class="sticky bottom-0 -mx-1 flex flex-wrap items-center gap-3 border-t border-rule bg-paper px-1 py-3 max-lg:bottom-13">
            <button type="submit" class=button_class(Look::Primary) aria-disabled=move || form.is_busy.get().then_some("true")>
                {label}
            </button>
            <button
                type="button"
                class=button_class(Look::Plain)
                on:click=move |_| form.check()
                aria-disabled=move || form.is_busy.get().then_some("true")
            >
                "Check with the cluster"
            </button>
            <span class="text-sm text-ink-faint" role="status">
                {move || form.word.get()}
            </span>
            <keep::SaveTemplate form kept/>
            <button type="button" class=button_class(Look::Quiet) on:click=move |_| form.clear()>
                "Start over"
            </button>
        </div>
    }
}
