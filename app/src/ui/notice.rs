//! Things said to the person: notices, empty places, errors.

use leptos::prelude::*;
use leptos_meta::Title;
use model::{ErrorCode, UiError};

use super::{Glyph, Icon, Look, button_class};
use crate::{paths, platform};

/// The tone of what is said; each has its own icon besides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Worth knowing.
    Info,
    /// It worked.
    Good,
    /// Look at it.
    Warn,
    /// It failed.
    Bad,
}

impl Tone {
    /// Soft ground and strong ink.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Info => "bg-info-soft text-info",
            Self::Good => "bg-good-soft text-good",
            Self::Warn => "bg-warn-soft text-warn",
            Self::Bad => "bg-bad-soft text-bad",
        }
    }

    /// The shape that goes with it.
    pub const fn glyph(self) -> Glyph {
        match self {
            Self::Info => Glyph::Info,
            Self::Good => Glyph::Check,
            Self::Warn | Self::Bad => Glyph::Warning,
        }
    }
}

/// One thing said, in the flow of the page.
#[component]
pub fn Notice(
    /// Its tone.
    tone: Tone,
    /// What is said.
    children: Children,
) -> impl IntoView {
    let class = format!("flex items-start gap-2.5 rounded-panel px-3.5 py-2.5 text-sm {}", tone.class());
    view! {
        <div class=class role=if tone == Tone::Bad { "alert" } else { "status" }>
            <span class="mt-0.5">
                <Icon glyph=tone.glyph()/>
            </span>
            <div class="prose-line min-w-0 flex-1 text-ink">{children()}</div>
        </div>
    }
}

/// A place where something would be: what it would be, and the one next step.
#[component]
pub fn Empty(
    /// The icon of what is missing.
    glyph: Glyph,
    /// What is so.
    #[prop(into)]
    title: String,
    /// What it means, and what to do.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="flex flex-col items-center gap-2 px-6 py-16 text-center">
            <span class="mb-1 grid size-10 place-items-center rounded-full bg-off-soft text-off">
                <Icon glyph/>
            </span>
            <p class="text-lg font-strong">{title}</p>
            <div class="prose-line max-w-[46ch] text-ink-quiet">{children()}</div>
        </div>
    }
}

/// What the error means, in a headline.
pub const fn headline(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::SignedOut => "You are signed out",
        ErrorCode::NotFound => "Not found",
        ErrorCode::Forbidden => "Not allowed",
        ErrorCode::Conflict => "Not possible right now",
        ErrorCode::Invalid => "Something in the request is wrong",
        ErrorCode::TooMany => "Too many attempts",
        ErrorCode::Unsupported => "The cluster does not offer this",
        ErrorCode::Unavailable => "The cluster cannot be reached",
        ErrorCode::Internal => "Something went wrong inside Porthole",
    }
}

/// An error in place of a part of a page.
#[component]
pub fn ErrorPanel(
    /// What happened.
    error: UiError,
    /// Whether it stands for the whole page.
    #[prop(optional)]
    is_page: bool,
) -> impl IntoView {
    let glyph = match error.code {
        ErrorCode::SignedOut | ErrorCode::Forbidden => Glyph::Lock,
        ErrorCode::NotFound => Glyph::Search,
        ErrorCode::Unavailable | ErrorCode::Unsupported => Glyph::Unplug,
        _ => Glyph::Warning,
    };
    let is_signed_out = error.code == ErrorCode::SignedOut;
    view! {
        <div class="flex flex-col items-center gap-2 px-6 py-16 text-center" role="alert">
            <span class="mb-1 grid size-10 place-items-center rounded-full bg-warn-soft text-warn">
                <Icon glyph/>
            </span>
            {if is_page {
                view! { <h1 class="text-lg">{headline(error.code)}</h1> }.into_any()
            } else {
                view! { <p class="text-lg font-strong">{headline(error.code)}</p> }.into_any()
            }}
            <p class="prose-line max-w-[52ch] text-ink-quiet">{error.message}</p>
            {(is_page || is_signed_out)
                .then(|| {
                    let (href, label) =
                        if is_signed_out { (paths::SIGN_IN, "Sign in") } else { (paths::OVERVIEW, "Go to the overview") };
                    view! {
                        <a class=format!("{} mt-3", button_class(Look::Plain)) href=href rel=is_signed_out.then_some("external")>
                            {label}
                        </a>
                    }
                })}
            {error
                .request_id
                .map(|id| {
                    view! {
                        <p class="mt-2 text-xs text-ink-faint">
                            "Request " <code class="font-mono select-all">{id}</code>
                        </p>
                    }
                })}
        </div>
    }
}

/// An error in place of a whole page: it decides the page's title and status too.
#[component]
pub fn ErrorPage(
    /// What happened.
    error: UiError,
) -> impl IntoView {
    platform::set_status(error.code.http_status());
    view! {
        <Title text=headline(error.code)/>
        <ErrorPanel error is_page=true/>
    }
}
