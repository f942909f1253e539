//! Running an image: the form, and beside it what will be made.
//!
//! As with machines: what is typed is kept in the browser, what is wrong stands at its field, the cluster tries it before
//! anything is made, and without script the same form posts itself and comes back with what was filled in.

mod field;
mod state;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::UiError;
use model::workload::run::{RunOptions, as_yaml, kubectl_line};
use server_fn::ServerFn;

use crate::api;
use crate::api::workloads::RunImage;
use crate::components::commands::{Command, CopyButton};
use crate::paths;
use crate::ui::{Empty, Glyph, Icon, Loaded, Look, Notice, Panel, Skeleton, Tone, button_class};
use field::{Control, Field};
use state::Form;

/// The page.
#[component]
pub fn RunPage() -> impl IntoView {
    let options = Resource::new(|| (), |()| api::workloads::get_run_options());
    view! {
        <Title text="Run an image"/>
        <header class="mb-5 flex flex-wrap items-center gap-x-3 gap-y-1">
            <a class=format!("{} -ml-2", button_class(Look::Quiet)) href=paths::WORKLOADS>
                <Icon glyph=Glyph::Back/>
                "Workloads"
            </a>
            <h1 class="text-xl whitespace-nowrap">"Run an image"</h1>
        </header>
        <Loaded resource=options is_page=true waiting=|| view! { <Skeleton rows=10/> } let:options>
            <Shown options=options.get_untracked()/>
        </Loaded>
    }
}

#[component]
fn Shown(options: RunOptions) -> impl IntoView {
    let params = use_query_map();
    let asked = params.with_untracked(paths::run_query);
    let is_checked = params.with_untracked(|params| params.get("check").is_some());
    if options.teams.is_empty() {
        return view! {
            <Empty glyph=Glyph::Lock title="You cannot run containers yet">
                <p>
                    "No namespace lets you create deployments. Ask an administrator to give your account a role such as "
                    <code class="font-mono text-xs">"edit"</code> " in your team's namespace."
                </p>
            </Empty>
        }
        .into_any();
    }
    let form = Form::new(asked.clone(), options.clone(), is_checked);
    // Only after a plain form was refused: what is wrong is found out anew, because no link may bring the words.
    let check = Resource::new(
        || (),
        move |()| {
            let draft = asked.clone();
            async move { if is_checked { api::workloads::check_run(draft).await.err().map(|error| error.0) } else { None } }
        },
    );
    view! {
        <div class="grid items-start gap-x-10 gap-y-8 lg:grid-cols-[minmax(0,1fr)_22rem] xl:grid-cols-[minmax(0,1fr)_28rem]">
            <form
                method="post"
                action=RunImage::url()
                class="flex min-w-0 flex-col gap-9"
                on:submit=move |event| {
                    event.prevent_default();
                    form.submit();
                }
            >
                <Refused form check/>
                <Fields form options/>
                <Finish form/>
            </form>
            <Beside form/>
        </div>
    }
    .into_any()
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
fn Fields(form: Form, options: RunOptions) -> impl IntoView {
    let named = |names: Vec<String>| names.into_iter().map(|name| (name.clone(), name)).collect::<Vec<_>>();
    let teams = Control::Choice(named(options.teams));
    let mut classes = vec![(String::new(), "The cluster's usual one".to_owned())];
    classes.extend(named(options.classes));
    let line = move |name: &'static str, label: &'static str, hint: &'static str, example: &'static str| {
        view! { <Field form name label hint example control=Control::Line/> }
    };
    view! {
        <Group title="What">
            {line("name", "Name", "", "web")} <Field form name="namespace" label="Team" control=teams/>
            {line("image", "Image", "As its registry has it, with a tag.", "docker.io/library/nginx:1.29")}
            {line("command", "Command", "Leave it empty for the image's own. Quotes are as in a shell.", "sh -c 'sleep 60'")}
        </Group>
        <Group title="Reached at">
            {line("port", "Port", "Where the program listens. Leave it empty if it does not.", "8080")}
            <Field form name="publish" label="Publish the port as a service, under its name" control=Control::Tick/>
        </Group>
        <Group title="Size">
            {line("replicas", "Pods", "More than one share the work, and one may fail.", "1")}
            {line("cpus", "CPUs", "Reserved for each pod; it may use more while the node has it.", "0.25")}
            {line("memory", "Memory", "Reserved for each pod; one that uses more is ended and started again.", "256 MiB")}
        </Group>
        <Group title="Environment">
            <Field
                form
                name="environment"
                label="Variables"
                hint="One NAME=value a line. Everybody who sees the deployment sees them; passwords belong into a secret."
                example="LOG_LEVEL=info"
                control=Control::Lines
            />
        </Group>
        <Group title="Volume">
            {line("volume", "Size", "A new disk that outlives the pod. Leave it empty for none.", "1 GiB")}
            {line("mount", "Where in the container", "", "/data")}
            <Field form name="class" label="Storage class" control=Control::Choice(classes)/>
        </Group>
    }
}

#[component]
fn Group(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <fieldset class="min-w-0">
            <legend class="mb-1 text-lg font-strong">{title}</legend>
            <div class="flex flex-col gap-4">{children()}</div>
        </fieldset>
    }
}

#[component]
fn Finish(form: Form) -> impl IntoView {
    let busy = move || form.is_busy.get().then_some("true");
    view! {
        <div class="sticky bottom-0 -mx-1 flex flex-wrap items-center gap-3 border-t border-rule bg-paper px-1 py-3 max-lg:bottom-13">
            <button type="submit" class=button_class(Look::Primary) aria-disabled=busy>
                "Run it"
            </button>
            <button type="button" class=button_class(Look::Plain) on:click=move |_| form.check() aria-disabled=busy>
                "Check with the cluster"
            </button>
            <span class="text-sm text-ink-faint" role="status">
                {move || form.word.get()}
            </span>
            <button type="button" class=format!("{} ml-auto", button_class(Look::Quiet)) on:click=move |_| form.clear()>
                "Start over"
            </button>
        </div>
    }
}

/// The manifest and the command that does the same.
#[component]
fn Beside(form: Form) -> impl IntoView {
    let yaml = Memo::new(move |_| form.draft.with(as_yaml));
    let name = move || {
        form.draft.with(|draft| if draft.name.is_empty() { "container".to_owned() } else { draft.name.clone() })
    };
    let kubectl = Signal::derive(move || form.draft.with(kubectl_line));
    let aside = move || {
        view! {
            <CopyButton text=yaml.into() what="manifest"/>
            <a
                class=button_class(Look::Quiet)
                download=move || format!("{}.yaml", name())
                href=move || format!("data:application/yaml;charset=utf-8,{}", paths::encode(&yaml.get()))
            >
                "Download"
            </a>
        }
    };
    view! {
        <aside class="sticky top-16 flex min-w-0 flex-col gap-6 max-lg:static" aria-label="What will be made">
            <Panel title="Manifest" glyph=Glyph::Log aside=aside>
                <pre
                    class="max-h-[60vh] overflow-auto rounded-control border border-rule bg-paper-sunken p-3 font-mono text-xs whitespace-pre"
                    tabindex="0"
                    aria-label="The manifest as YAML"
                    data-manifest=""
                >
                    {yaml}
                </pre>
            </Panel>
            <Panel title="The same by hand" glyph=Glyph::Keyboard>
                <Command text=kubectl what="kubectl line"/>
            </Panel>
        </aside>
    }
}
