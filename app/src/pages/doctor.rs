//! The check of the whole cluster, for administrators: what works, what does not, and what to do.

use leptos::prelude::*;
use leptos_meta::Title;
use model::doctor::{Area, Check, Health, Report};

use crate::api;
use crate::clock::Ago;
use crate::paths;
use crate::ui::{Glyph, Icon, Loaded, Look, Skeleton, Tone, button_class};

/// The page.
#[component]
pub fn DoctorPage() -> impl IntoView {
    // Blocking: for whoever may not see it there is no such page, and that is the response's status.
    let report = Resource::new_blocking(|| (), |()| api::doctor::get_doctor());
    view! {
        <Title text="Doctor"/>
        <Loaded resource=report is_page=true waiting=|| view! { <Skeleton rows=12/> } let:report>
            <Shown report/>
        </Loaded>
    }
}

#[component]
fn Shown(report: Memo<Report>) -> impl IntoView {
    view! {
        {move || {
            let report = report.get();
            let areas = Area::ALL.into_iter().map(|area| {
                let of_area: Vec<_> = report.checks.iter().filter(|check| check.area == area).cloned().collect();
                (!of_area.is_empty()).then(|| view! { <Checks area checks=of_area/> })
            });
            view! {
                <div class="flex flex-wrap items-center gap-x-3 gap-y-2">
                    <h1 class="text-xl">"Doctor"</h1>
                    <span class="text-sm text-ink-quiet">{summary(&report)} " · " <Ago at=report.at/> " ago"</span>
                    <a class=format!("{} ml-auto", button_class(Look::Plain)) href=paths::DOCTOR rel="external">
                        <Icon glyph=Glyph::Refresh/>
                        "Check again"
                    </a>
                </div>
                <p class="prose-line mt-1 mb-5 text-ink-quiet">
                    "The same check as " <code class="font-mono text-xs">"porthole doctor"</code>
                    " in the terminal. Porthole changes nothing while it looks."
                </p>
                <div class="flex flex-col gap-6">{areas.collect_view()}</div>
            }
        }}
    }
}

fn summary(report: &Report) -> String {
    let (broken, weak) = (report.count(Health::Broken), report.count(Health::Weak));
    match (broken, weak) {
        (0, 0) => "Everything that could be looked at works.".to_owned(),
        (0, weak) => format!("Nothing is broken, {weak} could be better."),
        (broken, weak) => format!("{broken} broken, {weak} could be better."),
    }
}

#[component]
fn Checks(area: Area, checks: Vec<Check>) -> impl IntoView {
    view! {
        <section class="border-t border-rule pt-3">
            <h2 class="mb-2 text-base">{area.title()}</h2>
            <ul class="flex flex-col gap-2">{checks.into_iter().map(|check| view! { <Line check/> }).collect_view()}</ul>
        </section>
    }
}

#[component]
fn Line(check: Check) -> impl IntoView {
    let tone = match check.health {
        Health::Good => Tone::Good,
        Health::Unknown => Tone::Info,
        Health::Weak => Tone::Warn,
        Health::Broken => Tone::Bad,
    };
    view! {
        <li class="flex items-start gap-3 text-sm" data-check=check.id data-health=check.health.word()>
            <span class=format!("inline-flex h-6 w-24 shrink-0 items-center gap-1.5 rounded-full px-2 text-xs font-medium {}", tone.class())>
                <Icon glyph=tone.glyph()/>
                {check.health.word()}
            </span>
            <div class="prose-line min-w-0 pt-0.5">
                <p>{check.found}</p>
                {check.fix.map(|fix| view! { <p class="text-ink-quiet">{fix}</p> })}
            </div>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headline_says_whether_somebody_has_to_act() {
        let check = |health| Check { id: "a".into(), area: Area::Cluster, health, found: String::new(), fix: None };
        let of = |healths: &[Health]| summary(&Report { at: 0, checks: healths.iter().copied().map(check).collect() });
        assert_eq!(of(&[Health::Good]), "Everything that could be looked at works.");
        assert_eq!(of(&[Health::Weak, Health::Good]), "Nothing is broken, 1 could be better.");
        assert_eq!(of(&[Health::Broken]), "1 broken, 0 could be better.");
    }
}
