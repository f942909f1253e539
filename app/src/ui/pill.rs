//! The state of a thing: a shape of its own, a word, and since when.
//!
//! Colour only repeats what the shape says. The one map from states to shapes and tones is here.

use leptos::prelude::*;
use model::image::ImageState;
use model::machine::MachineState;
use model::node::NodeState;
use model::workload::{PodState, WorkloadState};

use crate::clock::Ago;

/// How a state looks, whatever it is a state of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateLook {
    /// Its word.
    pub word: &'static str,
    shape: Shape,
    tone: StateTone,
}

/// The shapes of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Filled dot.
    Dot,
    /// A ring that turns.
    Ring,
    /// Hollow dot.
    Hollow,
    /// Two bars.
    Bars,
    /// An arrow.
    Arrow,
    /// A triangle.
    Triangle,
    /// A clock's hands.
    Hands,
    /// A cross.
    Cross,
    /// A tick.
    Tick,
    /// A broken ring that stands still.
    Broken,
}

impl Shape {
    /// Drawn in a square of 12.
    const fn markup(self) -> &'static str {
        match self {
            Self::Dot => r#"<circle cx="6" cy="6" r="4.5" fill="currentColor"/>"#,
            Self::Ring => {
                r#"<path class="turning" d="M6 1.75A4.25 4.25 0 1 1 1.75 6" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>"#
            }
            Self::Hollow => r#"<circle cx="6" cy="6" r="3.75" fill="none" stroke="currentColor" stroke-width="1.75"/>"#,
            Self::Bars => r#"<path d="M3.5 2v8M8.5 2v8" stroke="currentColor" stroke-width="2.25"/>"#,
            Self::Arrow => {
                r#"<path d="M1 6h9M6.5 2.5 10 6 6.5 9.5" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"/>"#
            }
            Self::Triangle => r#"<path d="M6 1.2 11.4 10.6H.6Z" fill="currentColor"/>"#,
            Self::Hands => {
                r#"<circle cx="6" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="1.5"/><path d="M6 3.5V6l1.75 1.25" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"/>"#
            }
            Self::Cross => {
                r#"<path d="m2.5 2.5 7 7m0-7-7 7" stroke="currentColor" stroke-width="1.75" stroke-linecap="round"/>"#
            }
            Self::Tick => {
                r#"<path d="m1.75 6.5 3 3 5.5-7" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"/>"#
            }
            Self::Broken => {
                r#"<circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" stroke-width="1.75" stroke-dasharray="2.5 2.5"/>"#
            }
        }
    }
}

/// The tones of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StateTone {
    /// As it should be.
    Good,
    /// On its way.
    Busy,
    /// At rest.
    Off,
    /// Held; waits for somebody.
    Warn,
    /// Somebody has to act.
    Bad,
}

impl StateTone {
    const fn pill(self) -> &'static str {
        match self {
            Self::Good => "bg-good-soft text-good",
            Self::Busy => "bg-busy-soft text-busy",
            Self::Off => "bg-off-soft text-off",
            Self::Warn => "bg-warn-soft text-warn",
            Self::Bad => "bg-bad-soft text-bad",
        }
    }

    const fn ink(self) -> &'static str {
        match self {
            Self::Good => "text-good",
            Self::Busy => "text-busy",
            Self::Off => "text-off",
            Self::Warn => "text-warn",
            Self::Bad => "text-bad",
        }
    }
}

impl From<NodeState> for StateLook {
    fn from(state: NodeState) -> Self {
        let (shape, tone) = match state {
            NodeState::Ready => (Shape::Dot, StateTone::Good),
            NodeState::Cordoned => (Shape::Bars, StateTone::Warn),
            NodeState::NotReady => (Shape::Triangle, StateTone::Bad),
        };
        Self { word: state.word(), shape, tone }
    }
}

impl From<MachineState> for StateLook {
    fn from(state: MachineState) -> Self {
        let (shape, tone) = match state {
            MachineState::Running => (Shape::Dot, StateTone::Good),
            MachineState::Starting | MachineState::Stopping | MachineState::Provisioning => {
                (Shape::Ring, StateTone::Busy)
            }
            MachineState::Migrating => (Shape::Arrow, StateTone::Busy),
            MachineState::Paused => (Shape::Bars, StateTone::Warn),
            MachineState::Waiting => (Shape::Hands, StateTone::Warn),
            MachineState::Stopped => (Shape::Hollow, StateTone::Off),
            MachineState::Terminating => (Shape::Cross, StateTone::Off),
            MachineState::Unknown => (Shape::Broken, StateTone::Off),
            MachineState::Trouble => (Shape::Triangle, StateTone::Bad),
        };
        Self { word: state.word(), shape, tone }
    }
}

impl From<PodState> for StateLook {
    fn from(state: PodState) -> Self {
        let (shape, tone) = match state {
            PodState::Running => (Shape::Dot, StateTone::Good),
            PodState::Starting => (Shape::Ring, StateTone::Busy),
            PodState::Succeeded => (Shape::Tick, StateTone::Off),
            PodState::Terminating => (Shape::Cross, StateTone::Off),
            PodState::Unknown => (Shape::Broken, StateTone::Off),
            PodState::Trouble => (Shape::Triangle, StateTone::Bad),
        };
        Self { word: state.word(), shape, tone }
    }
}

impl From<WorkloadState> for StateLook {
    fn from(state: WorkloadState) -> Self {
        let (shape, tone) = match state {
            WorkloadState::Running => (Shape::Dot, StateTone::Good),
            WorkloadState::Updating => (Shape::Ring, StateTone::Busy),
            WorkloadState::Paused => (Shape::Bars, StateTone::Warn),
            WorkloadState::Idle => (Shape::Hollow, StateTone::Off),
            WorkloadState::Succeeded => (Shape::Tick, StateTone::Off),
            WorkloadState::Terminating => (Shape::Cross, StateTone::Off),
            WorkloadState::Unknown => (Shape::Broken, StateTone::Off),
            WorkloadState::Trouble => (Shape::Triangle, StateTone::Bad),
        };
        Self { word: state.word(), shape, tone }
    }
}

impl From<ImageState> for StateLook {
    fn from(state: ImageState) -> Self {
        let (shape, tone) = match state {
            ImageState::Ready => (Shape::Tick, StateTone::Good),
            ImageState::Uploading => (Shape::Arrow, StateTone::Busy),
            ImageState::Filling => (Shape::Ring, StateTone::Busy),
            ImageState::Waiting => (Shape::Hands, StateTone::Warn),
            ImageState::Deleting => (Shape::Cross, StateTone::Off),
            ImageState::Trouble => (Shape::Triangle, StateTone::Bad),
        };
        Self { word: state.word(), shape, tone }
    }
}

/// Counts by state, as looks.
pub fn looks<S: Into<StateLook> + Copy>(counts: &[(S, u32)]) -> Vec<(StateLook, u32)> {
    counts.iter().map(|(state, count)| ((*state).into(), *count)).collect()
}

#[component]
fn ShapeOf(shape: Shape) -> impl IntoView {
    view! { <svg class="size-3 shrink-0" viewBox="0 0 12 12" aria-hidden="true" inner_html=shape.markup()></svg> }
}

/// Shape, word and since when.
#[component]
pub fn Pill(
    /// The state.
    #[prop(into)]
    state: StateLook,
    /// Since when, in seconds since 1970.
    #[prop(into)]
    since: Option<i64>,
) -> impl IntoView {
    let class = format!(
        "inline-flex h-[22px] items-center gap-1.5 rounded-full px-2 text-xs font-medium whitespace-nowrap {}",
        state.tone.pill()
    );
    view! {
        <span class="inline-flex items-center gap-2">
            <span class=class data-state=state.word>
                <ShapeOf shape=state.shape/>
                {state.word}
            </span>
            {since.map(|at| view! { <span class="text-xs text-ink-faint"><Ago at/></span> })}
        </span>
    }
}

/// The shape alone in its ink, for beside a count.
#[component]
pub fn Swatch(
    /// The state.
    #[prop(into)]
    state: StateLook,
) -> impl IntoView {
    view! {
        <span class=state.tone.ink()>
            <ShapeOf shape=state.shape/>
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_the_same_tone_that_mean_different_things_differ_in_shape() {
        for (one, other) in [
            (MachineState::Paused, MachineState::Waiting),
            (MachineState::Stopped, MachineState::Terminating),
            (MachineState::Stopped, MachineState::Unknown),
            (MachineState::Starting, MachineState::Migrating),
        ] {
            assert_ne!(StateLook::from(one).shape, StateLook::from(other).shape, "{one:?} {other:?}");
        }
    }
}
