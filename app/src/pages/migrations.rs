//! Moves of machines to other nodes: what goes on, what happened, and taking one back.
//!
//! Taking one back is a plain form, so that it works without any script.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use model::live::LiveKind;
use model::migration::{MigrationList, MigrationRow};

use crate::api;
use crate::clock::Ago;
use crate::components::moves::{TakeBack, node};
use crate::components::power::RefusedAction;
use crate::live::Live;
use crate::paths;
use crate::ui::{Empty, Glyph, Loaded, Skeleton};

/// The page; `?namespace=` narrows it to a team.
#[component]
pub fn MigrationsPage() -> impl IntoView {
    let live = Live::expect();
    let query = use_query_map();
    let team = Memo::new(move |_| query.with(|query| query.get("namespace").unwrap_or_default()));
    let moves = Resource::new(
        move || (team.get(), live.version(LiveKind::Machine)),
        |(team, _)| api::migrations::list_migrations(team),
    );
    view! {
        <Title text="Moves"/>
        <RefusedAction/>
        <Loaded resource=moves is_page=true waiting=|| view! { <Skeleton rows=6/> } let:moves>
            <h1 class="mb-1 text-xl">
                "Moves" <span class="ml-2 font-normal text-ink-faint">{move || moves.with(|moves| moves.rows.len())}</span>
            </h1>
            <p class="prose-line mb-4 text-ink-quiet">{move || moves.with(|moves| moves.limits.clone())}</p>
            {move || {
                if moves.with(|moves| moves.rows.is_empty()) {
                    view! {
                        <Empty glyph=Glyph::Node title="Nothing has moved">
                            <p>
                                "A machine can go on on another node without stopping: choose Move to another node in its menu, then any node or a certain one. Its screen and console close for a moment and can be opened again at once."
                            </p>
                        </Empty>
                    }
                        .into_any()
                } else {
                    view! { <Table moves/> }.into_any()
                }
            }}
        </Loaded>
    }
}

#[component]
fn Table(moves: Memo<MigrationList>) -> impl IntoView {
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    <th scope="col">"Machine"</th>
                    <th scope="col">"State"</th>
                    <th scope="col">"From → to"</th>
                    <th scope="col">"Begun by"</th>
                    <th scope="col">"Asked"</th>
                    <th scope="col">"Took"</th>
                    <th scope="col"><span class="sr-only">"Actions"</span></th>
                </tr>
            </thead>
            <tbody>{move || moves.with(|moves| moves.rows.iter().map(row).collect_view())}</tbody>
        </table>
    }
}

fn row(one: &MigrationRow) -> AnyView {
    let took = one.asked.zip(one.ended).map(|(asked, ended)| format!("{} s", (ended - asked).max(0)));
    let is_over = one.stage.is_over();
    let terms = one.terms.join(" · ");
    view! {
        <tr data-row="" data-stage=one.stage.words()>
            <td class="lead">
                <a class="truncate rounded-control font-medium text-ink hover:text-accent" href=paths::machine(&one.machine) data-row-link="">
                    {one.machine.name.to_string()}
                </a>
                <span class="ml-2 text-ink-faint">{one.machine.namespace.to_string()}</span>
            </td>
            <td>
                {one.stage.words()}
                {one.why.clone().map(|why| view! { <p class="prose-line text-sm text-ink-quiet">{why}</p> })}
            </td>
            <td>
                {format!("{} → {}", node(one.from.as_ref()), node(one.to.as_ref()))}
                <p class="prose-line text-sm text-ink-quiet empty:hidden">{terms}</p>
                {(!is_over)
                    .then(|| {
                        view! {
                            <p class="prose-line text-sm text-ink-faint">
                                "How much was copied, and how fast, is not known here: KubeVirt tells that to Prometheus only."
                            </p>
                        }
                    })}
            </td>
            <td>{one.by.clone()}</td>
            <td>{one.asked.map(|at| view! { <Ago at/> " ago" })}</td>
            <td>{took}</td>
            <td>
                {(!is_over).then(|| view! { <TakeBack row=one.clone()/> })}
            </td>
        </tr>
    }
    .into_any()
}
