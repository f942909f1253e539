//! How buttons and links that act look.

/// The weight of a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The one thing to do here.
    Primary,
    /// Something to do here.
    Plain,
    /// Something to do in a row or a bar; quiet until needed.
    Quiet,
    /// Something that destroys.
    Danger,
    /// On the stage, which is dark in both themes.
    Stage,
    /// The one thing to do on the stage.
    StagePrimary,
    /// One line of a menu.
    Item,
}

/// The classes of a button. One that is refused (`aria-disabled`) steps back but can still be reached, because
/// it says why.
pub const fn button_class(look: Look) -> &'static str {
    match look {
        Look::Primary => {
            "inline-flex h-8 items-center gap-1.5 rounded-control bg-accent px-3 text-sm font-medium text-on-accent \
             transition-colors hover:bg-accent-strong aria-disabled:cursor-not-allowed aria-disabled:bg-off-soft \
             aria-disabled:text-ink-faint"
        }
        Look::Plain => {
            "inline-flex h-8 items-center gap-1.5 rounded-control border border-rule bg-paper-raised px-3 text-sm \
             font-medium text-ink transition-colors hover:border-rule-strong aria-disabled:cursor-not-allowed \
             aria-disabled:border-rule aria-disabled:bg-transparent aria-disabled:text-ink-faint"
        }
        Look::Quiet => {
            "inline-flex h-7 items-center gap-1.5 rounded-control px-2 text-sm font-medium text-ink-quiet \
             transition-colors hover:bg-off-soft hover:text-ink aria-disabled:cursor-not-allowed \
             aria-disabled:bg-transparent aria-disabled:text-ink-faint"
        }
        Look::Danger => {
            "inline-flex h-8 items-center gap-1.5 rounded-control bg-bad px-3 text-sm font-medium text-paper-raised \
             transition-opacity hover:opacity-90"
        }
        Look::Stage => {
            "inline-flex h-8 items-center gap-1.5 rounded-control px-2.5 text-sm font-medium text-stage-quiet \
             transition-colors hover:bg-stage-rule hover:text-stage-ink aria-pressed:bg-stage-rule \
             aria-pressed:text-stage-ink aria-disabled:cursor-not-allowed aria-disabled:bg-transparent \
             aria-disabled:text-stage-quiet/70"
        }
        Look::StagePrimary => {
            "inline-flex h-10 items-center gap-2 rounded-control bg-stage-accent px-5 text-base font-medium \
             text-stage transition-colors hover:bg-stage-ink aria-disabled:cursor-not-allowed \
             aria-disabled:bg-stage-rule aria-disabled:text-stage-quiet"
        }
        Look::Item => {
            "flex min-h-8 w-full items-center gap-2 rounded-control px-2 py-1 text-left text-sm text-ink \
             transition-colors hover:bg-paper-sunken aria-disabled:cursor-not-allowed aria-disabled:text-ink-faint"
        }
    }
}
