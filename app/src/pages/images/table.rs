//! Images as rows of a list.

use leptos::prelude::*;
use model::image::size::bytes_words;
use model::image::{ImageKind, ImageRow, Progress};
use model::query::{ImageList, Key, ListQuery};

use crate::clock::Ago;
use crate::components::listing::Rows;
use crate::components::sort::SortHead;
use crate::components::uploads::time;
use crate::paths;
use crate::ui::{Bar, Glyph, Icon, Pill};

/// The table.
#[component]
pub(super) fn ImageTable(
    /// The rows of this page.
    list: Memo<ImageList>,
    /// The list's query.
    query: Memo<ListQuery>,
    /// Whether rows name their team.
    #[prop(into)]
    names_team: Signal<bool>,
) -> impl IntoView {
    let base = paths::IMAGES;
    view! {
        <table class="rows" role="table">
            <thead>
                <tr>
                    <SortHead key=Key::Name base query/>
                    <SortHead key=Key::State base query/>
                    <th scope="col" class="number">"Size"</th>
                    <th scope="col" class="max-lg:hidden">"Origin"</th>
                    <th scope="col">"Used by"</th>
                    <SortHead key=Key::Age base query is_extra=true/>
                </tr>
            </thead>
            <tbody>
                <Rows list let:row>
                    <Row row names_team/>
                </Rows>
            </tbody>
        </table>
    }
}

/// The icon of what is done with an image.
pub(super) const fn kind_glyph(kind: ImageKind) -> Glyph {
    match kind {
        ImageKind::Image => Glyph::Image,
        ImageKind::Disc => Glyph::Disc,
        ImageKind::Disk => Glyph::Disk,
    }
}

#[component]
fn Row(row: Memo<ImageRow>, names_team: Signal<bool>) -> impl IntoView {
    let (at, kind) = row.with_untracked(|row| (row.at.clone(), row.kind));
    let (name, team) = (at.name.to_string(), at.namespace.to_string());
    let dash = || view! { <span class="text-ink-faint">"–"</span> };
    let state = Memo::new(move |_| row.with(|row| (row.state, row.since)));
    view! {
        <tr data-row="">
            <td class="lead">
                <span class="flex min-w-0 items-center gap-2">
                    <span class="text-ink-faint" title=kind.word()>
                        <Icon glyph=kind_glyph(kind)/>
                        <span class="sr-only">{kind.word()}</span>
                    </span>
                    <a class="truncate rounded-control font-medium text-ink hover:text-accent" href=paths::image(&at) data-row-link="">
                        {name}
                    </a>
                    {move || names_team.get().then(|| view! { <span class="truncate text-xs text-ink-faint">{team.clone()}</span> })}
                    {move || {
                        row.with(|row| row.system.clone())
                            .map(|system| view! { <span class="truncate text-xs text-ink-quiet max-md:hidden">{system}</span> })
                    }}
                </span>
            </td>
            <td class="state">
                <span class="flex min-w-0 items-center gap-3">
                    {move || {
                        let (state, since) = state.get();
                        view! { <Pill state since/> }
                    }}
                    {move || row.with(|row| row.progress.clone()).map(|progress| view! { <Far progress/> })}
                </span>
            </td>
            <td class="number extra">
                {move || row.with(|row| row.bytes).map_or_else(|| dash().into_any(), |bytes| bytes_words(bytes).into_any())}
            </td>
            <td class="extra max-w-64 max-lg:hidden">
                <span class="block truncate text-ink-quiet">{move || row.with(|row| row.origin.clone())}</span>
            </td>
            <td class="extra">{move || users(&row.get())}</td>
            <td class="extra text-ink-quiet max-lg:hidden">{move || row.with(|row| row.created).map(|at| view! { <Ago at/> })}</td>
        </tr>
        {move || {
            row.with(|row| row.reason.clone())
                .map(|reason| {
                    view! {
                        <tr class="why">
                            <td colspan="6">
                                <p class="prose-line max-w-[92ch]">{reason}</p>
                            </td>
                        </tr>
                    }
                })
        }}
    }
}

fn users(row: &ImageRow) -> AnyView {
    let Some(first) = row.used_by.first() else {
        return view! { <span class="text-ink-faint">"–"</span> }.into_any();
    };
    let more = row.used_by.len() - 1;
    view! {
        <a class="rounded-control hover:text-accent" href=paths::machine(&first.machine)>
            {first.machine.name.to_string()}
        </a>
        {(more > 0).then(|| view! { <span class="text-ink-faint">{format!(" +{more}")}</span> })}
    }
    .into_any()
}

/// How far an image is: a bar, what happens, how fast, how long.
#[component]
pub(super) fn Far(
    /// How far.
    progress: Progress,
) -> impl IntoView {
    let mut text = progress.stage;
    if let Some(hundredths) = progress.hundredths {
        text = format!("{text} {} %", hundredths / 100);
    }
    if progress.bytes_per_second > 0 {
        text = format!("{text} · {}/s", bytes_words(progress.bytes_per_second));
    }
    if let Some(left) = progress.seconds_left {
        text = format!("{text} · {} left", time(left));
    }
    view! {
        <span class="flex min-w-0 items-center gap-2 text-xs text-ink-quiet">
            <span class="w-24 shrink-0 max-md:w-14">
                <Bar hundredths=progress.hundredths label="Progress"/>
            </span>
            <span class="truncate tabular">{text}</span>
        </span>
    }
}
