//! What happened to the machine and to what it hangs on.

use leptos::prelude::*;
use model::ObjectRef;
use model::live::LiveKind;
use model::timeline::{Entry, Timeline};

use crate::api::machines::get_machine_timeline;
use crate::clock::Ago;
use crate::live::Live;
use crate::paths;
use crate::ui::{Empty, Glyph, Icon, Loaded, Look, Notice, Skeleton, Tone, button_class};
use crate::words;

/// The tab.
#[component]
pub(super) fn TimelineTab(at: ObjectRef, only_warnings: Memo<bool>) -> impl IntoView {
    let live = Live::expect();
    let asked = at.clone();
    let timeline = Resource::new(
        move || (only_warnings.get(), live.version(LiveKind::Machine), live.version(LiveKind::Event)),
        move |(only_warnings, ..)| {
            get_machine_timeline(asked.namespace.to_string(), asked.name.to_string(), only_warnings)
        },
    );
    view! {
        <section class="mt-4" aria-label="Timeline">
            <Loaded resource=timeline waiting=|| view! { <Skeleton rows=8/> } let:timeline>
                {
                    let at = at.clone();
                    move || {
                        let (at, timeline) = (at.clone(), timeline.get());
                        view! { <Shown at timeline only_warnings=only_warnings.get()/> }
                    }
                }
            </Loaded>
        </section>
    }
}

#[component]
fn Shown(at: ObjectRef, timeline: Timeline, only_warnings: bool) -> impl IntoView {
    let Timeline { entries, warnings, total, missing } = timeline;
    let link = |label: String, only: bool| {
        let is_here = (only == only_warnings).then_some("page");
        view! {
            <a
                class=format!("{} aria-[current=page]:bg-off-soft aria-[current=page]:text-ink", button_class(Look::Quiet))
                href=paths::machine_timeline(&at, only)
                aria-current=is_here
                data-noscroll=""
            >
                {label}
            </a>
        }
    };
    let is_empty = entries.is_empty();
    view! {
        <div class="mb-3 flex gap-1" role="group" aria-label="What is shown">
            {link(format!("Everything {total}"), false)}
            {link(format!("Warnings {warnings}"), true)}
        </div>
        {missing.map(|text| view! { <Notice tone=Tone::Info>{text}</Notice> })}
        {if is_empty {
            let title = if only_warnings { "No warnings" } else { "Nothing yet" };
            view! {
                <Empty glyph=Glyph::Clock title>
                    "The cluster keeps what it reports for about an hour; what the machine says about itself stays longer."
                </Empty>
            }
                .into_any()
        } else {
            view! { <ol class="flex flex-col">{entries.into_iter().map(line).collect_view()}</ol> }.into_any()
        }}
    }
}

fn line(entry: Entry) -> impl IntoView {
    let Entry { at, first, count, is_warning, words: said, original, about, page } = entry;
    let tone = if is_warning { "text-warn" } else { "text-ink-faint" };
    let often = (count > 1).then(|| format!("×{}", words::count(count)));
    view! {
        <li class="grid grid-cols-[3.25rem_1rem_minmax(0,1fr)] gap-x-2 border-b border-rule py-2 text-sm last:border-b-0">
            <span class="text-right text-ink-faint">{at.map(|at| view! { <Ago at/> })}</span>
            <span class=format!("grid h-5 place-items-center {tone}")>
                {if is_warning {
                    view! { <Icon glyph=Glyph::Warning/> }.into_any()
                } else {
                    view! { <span class="size-1.5 rounded-full bg-current"></span> }.into_any()
                }}
            </span>
            <div class="min-w-0 break-words">
                <p>
                    {is_warning.then(|| view! { <span class="sr-only">"Warning: "</span> })}
                    {said}
                    {often.map(|often| view! { <span class="ml-2 rounded-control bg-off-soft px-1.5 text-xs text-ink-quiet">{often}</span> })}
                    {first.map(|at| view! { <span class="ml-2 text-xs text-ink-faint">"first " <Ago at/> " ago"</span> })}
                </p>
                <p class="text-xs text-ink-faint empty:hidden">
                    {(!about.is_empty())
                        .then(|| match page {
                            Some(page) => {
                                view! { <a class="rounded-control text-accent hover:underline" href=paths::found(&page)>{about}</a> }
                                    .into_any()
                            }
                            None => about.into_any(),
                        })}
                    {(!original.is_empty()).then(|| view! { <span class="ml-2 font-mono first:ml-0">{original}</span> })}
                </p>
            </div>
        </li>
    }
}
