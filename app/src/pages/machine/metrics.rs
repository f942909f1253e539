//! What the machine uses.

use core::time::Duration;

use leptos::prelude::*;
use model::ObjectRef;
use model::metrics::{Gap, MachineMetrics, Range};

use crate::api::machines::get_machine_metrics;
use crate::components::chart::ChartFigure;
use crate::paths;
use crate::platform;
use crate::ui::{Empty, Glyph, Loaded, Look, Notice, Skeleton, Tone, button_class};

/// Between two looks while somebody sees the charts.
const LOOK: Duration = Duration::from_secs(15);

/// The tab.
#[component]
pub(super) fn MetricsTab(at: ObjectRef, range: Memo<Range>) -> impl IntoView {
    let turn = RwSignal::new(0_u32);
    Effect::new(move |_| {
        let every = set_interval_with_handle(
            move || {
                if platform::is_visible() {
                    turn.try_update(|turn| *turn = turn.wrapping_add(1));
                }
            },
            LOOK,
        );
        on_cleanup(move || {
            if let Ok(every) = every {
                every.clear();
            }
        });
    });
    let asked = at.clone();
    let metrics = Resource::new(
        move || (range.get(), turn.get()),
        move |(range, _)| {
            get_machine_metrics(asked.namespace.to_string(), asked.name.to_string(), range.word().to_owned())
        },
    );
    view! {
        <section class="mt-4" aria-label="Metrics">
            <Loaded resource=metrics waiting=|| view! { <Skeleton rows=10/> } let:metrics>
                {
                    let at = at.clone();
                    move || {
                        let (at, metrics) = (at.clone(), metrics.get());
                        view! { <Shown at metrics/> }
                    }
                }
            </Loaded>
        </section>
    }
}

#[component]
fn Shown(at: ObjectRef, metrics: MachineMetrics) -> impl IntoView {
    let MachineMetrics { range, ranges, source, charts, gaps } = metrics;
    let has_charts = !charts.is_empty();
    view! {
        <div class="mb-4 flex flex-wrap items-center gap-x-4 gap-y-2">
            <div class="flex gap-1" role="group" aria-label="Range">
                {ranges
                    .into_iter()
                    .map(|one| {
                        view! {
                            <a
                                class=format!("{} aria-[current=page]:bg-off-soft aria-[current=page]:text-ink", button_class(Look::Quiet))
                                href=paths::machine_metrics(&at, one.word())
                                aria-current=(one == range).then_some("page")
                                data-noscroll=""
                            >
                                {one.label()}
                            </a>
                        }
                    })
                    .collect_view()}
            </div>
            {has_charts.then(|| view! { <p class="text-xs text-ink-faint">{source}</p> })}
        </div>
        <div class="grid gap-x-8 gap-y-8 lg:grid-cols-2">
            {charts.into_iter().map(|chart| view! { <ChartFigure chart/> }).collect_view()}
        </div>
        <div class="mt-6 flex flex-col gap-3">
            {gaps.into_iter().map(|gap| view! { <Missing gap has_charts/> }).collect_view()}
        </div>
    }
}

/// Something that is missing: small below charts, the whole place without any.
#[component]
fn Missing(gap: Gap, has_charts: bool) -> impl IntoView {
    let Gap { title, text } = gap;
    if has_charts {
        view! {
            <Notice tone=Tone::Info>
                <p class="font-medium">{title}</p>
                <p>{text}</p>
            </Notice>
        }
        .into_any()
    } else {
        view! { <Empty glyph=Glyph::Processor title>{text}</Empty> }.into_any()
    }
}
