//! What a page lacks because the cluster does not let Porthole follow it.

use leptos::prelude::*;
use model::live::LiveKind;
use model::session::KindAway;

use crate::live::Live;
use crate::ui::{Notice, Tone};

/// Names the kinds that the page cannot show; nothing if it has all of them.
#[component]
pub fn KindsAway(
    /// What the page shows.
    of: &'static [LiveKind],
) -> impl IntoView {
    let live = Live::expect();
    view! {
        <Transition>
            // Read here and not in a memo: what reads a resource has to be within what waits for it.
            {move || {
                let away: Vec<KindAway> = live.cluster.with(|cluster| match cluster {
                    Some(Ok(status)) => status.away.iter().filter(|away| of.contains(&away.of)).cloned().collect(),
                    _ => Vec::new(),
                });
                let first = away.first()?.reason.clone();
                let kinds: Vec<_> = away.into_iter().map(|away| away.kind).collect();
                Some(
                    view! {
                        <div class="mb-4">
                            <Notice tone=Tone::Warn>"Not up to date here: " {kinds.join(", ")} ". " {first}</Notice>
                        </div>
                    },
                )
            }}
        </Transition>
    }
}
