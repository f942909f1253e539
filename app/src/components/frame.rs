//! The frame around every page: who, where, how fresh, and the way to everything else.
//!
//! It asks who is signed in, and leads to the sign-in page if nobody is. The console is a page of its own
//! without rail; the sign-in page has no frame at all.

use leptos::html;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::components::Redirect;
use leptos_router::hooks::{use_location, use_navigate, use_query_map};
use model::ErrorCode;
use model::live::LiveKind;
use model::machine::MachineState;
use model::query::ListQuery;
use model::session::{Overview, Who};
use model::workload::PodState;

use super::help::Help;
use super::live_mark::LiveMark;
use super::palette::{Palette, PaletteHost};
use super::signed_out::SignedOut;
use super::theme::ThemeChoice;
use super::toasts::ToastCorner;
use super::uploads::UploadTray;
use crate::api::{self, Answer};
use crate::live::Live;
use crate::ui::{Glyph, Icon, Look, Mark, Menu, button_class};
use crate::{paths, platform, words};

/// What several parts of a page know about the person and their things.
#[derive(Clone, Copy)]
pub struct Session {
    /// Who is signed in.
    pub who: Resource<Answer<Who>>,
    /// Counts and what needs attention, over all teams.
    pub overview: Resource<Answer<Overview>>,
}

impl Session {
    /// For everything below.
    fn provide(is_open: Memo<bool>) -> Self {
        let live = Live::expect();
        // Blocking: a page for nobody is a redirect, and that has to be known before the first byte.
        let who = Resource::new_blocking(
            move || is_open.get(),
            |is_open| async move { if is_open { api::session::whoami().await } else { Err(nobody()) } },
        );
        let overview = Resource::new(
            move || {
                let of = [LiveKind::Machine, LiveKind::Pod, LiveKind::Image].map(|kind| live.version(kind));
                (is_open.get(), of)
            },
            |(is_open, ..)| async move {
                if is_open { api::session::get_overview(String::new()).await } else { Err(nobody()) }
            },
        );
        let session = Self { who, overview };
        provide_context(session);
        session
    }

    /// The page's own.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(|| Self::provide(Memo::new(|_| true)))
    }
}

fn nobody() -> api::ApiError {
    api::ApiError::new(ErrorCode::SignedOut, "Nobody is signed in.")
}

/// How much frame a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chrome {
    /// The sign-in page: none, and open to everybody.
    Bare,
    /// The console: none, but for those who are signed in.
    Stage,
    /// Bar and rail.
    Full,
}

fn chrome(path: &str) -> Chrome {
    if path == paths::SIGN_IN {
        Chrome::Bare
    } else if [("/machines/", "/console"), ("/pods/", "/shell")]
        .iter()
        .any(|(begin, end)| path.starts_with(begin) && path.ends_with(end) && path.split('/').count() == 5)
    {
        Chrome::Stage
    } else {
        Chrome::Full
    }
}

/// The frame.
#[component]
pub fn Frame(
    /// The page.
    children: Children,
) -> impl IntoView {
    let location = use_location();
    let chrome = Memo::new(move |_| location.pathname.with(|path| chrome(path)));
    let session = Session::provide(Memo::new(move |_| chrome.get() != Chrome::Bare));
    let is_full = move || chrome.get() == Chrome::Full;
    let here = move || {
        let (path, query) = (location.pathname.get(), location.search.get());
        if query.is_empty() { path } else { format!("{path}?{}", query.trim_start_matches('?')) }
    };
    let live = Live::expect();
    let is_somebody =
        Signal::derive(move || chrome.get() != Chrome::Bare && session.who.with(|who| matches!(who, Some(Ok(_)))));
    Effect::new(move |follows: Option<bool>| {
        let is_somebody = session.who.with(|who| matches!(who, Some(Ok(_))));
        if is_somebody && follows != Some(true) {
            live.follow();
        }
        is_somebody || follows == Some(true)
    });
    Effect::new(move |_| {
        let needs = session.overview.with(|overview| {
            overview.as_ref().and_then(|overview| overview.as_ref().ok()).is_some_and(needs_attention)
        });
        platform::set_attention(needs);
    });
    view! {
        <Transition>
            {move || {
                let is_nobody = chrome.get() != Chrome::Bare
                    && session
                        .who
                        .with(|who| matches!(who, Some(Err(error)) if error.0.code == ErrorCode::SignedOut));
                is_nobody.then(|| view! { <Redirect path=paths::sign_in(&here())/> })
            }}
        </Transition>
        <a
            href="#main"
            class="sr-only z-50 rounded-control bg-accent px-3 py-2 text-on-accent focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
        >
            "Skip to content"
        </a>
        <Show when=is_full>
            <TopBar session/>
            <Rail session/>
        </Show>
        <main
            id="main"
            tabindex="-1"
            class=move || {
                match chrome.get() {
                    Chrome::Full => "min-w-0 px-4 pt-5 pb-24 outline-none md:px-6 lg:ml-52 lg:px-8 lg:pb-10",
                    Chrome::Stage | Chrome::Bare => "outline-none",
                }
            }
        >
            {children()}
        </main>
        <Help/>
        <PaletteHost/>
        <SignedOut/>
        <UploadTray is_somebody=is_somebody/>
        <ToastCorner/>
    }
}

fn needs_attention(overview: &Overview) -> bool {
    !overview.attention.is_empty() || !overview.attention_disks.is_empty() || !overview.attention_pods.is_empty()
}

#[component]
fn TopBar(session: Session) -> impl IntoView {
    let params = use_query_map();
    let palette = Palette::expect();
    let searched = move || params.with(|params| params.get("q").unwrap_or_default());
    view! {
        <header class="sticky top-0 z-20 flex h-12 items-center gap-3 border-b border-rule bg-paper px-4 md:px-6">
            <a href=paths::OVERVIEW class="flex items-center gap-2 rounded-control text-accent lg:w-44" aria-label="Porthole, overview">
                <Mark class="size-6"/>
                <span class="text-lg font-strong tracking-tight text-ink max-sm:sr-only">"Porthole"</span>
            </a>
            <GlobalSearch searched=Signal::derive(searched)/>
            <div class="ml-auto flex items-center gap-1 md:gap-2">
                <span class="px-1 max-sm:hidden">
                    <LiveMark/>
                </span>
                <button
                    type="button"
                    class=button_class(Look::Quiet)
                    aria-label="Go to, find, do"
                    title="Go to, find, do  (Ctrl K)"
                    on:click=move |_| palette.open()
                >
                    <Icon glyph=Glyph::Command/>
                </button>
                <button
                    type="button"
                    popovertarget="help"
                    class=format!("{} max-lg:hidden", button_class(Look::Quiet))
                    aria-label="Keyboard shortcuts"
                    title="Keyboard shortcuts  (?)"
                >
                    <Icon glyph=Glyph::Keyboard/>
                </button>
                <Menu
                    label="You and your settings"
                    class=button_class(Look::Quiet)
                    face=move || {
                        view! {
                            <Icon glyph=Glyph::Person/>
                            <Transition>
                                <span class="max-w-32 truncate max-sm:sr-only">
                                    {move || session.who.get().and_then(Result::ok).map(|who| who.username)}
                                </span>
                            </Transition>
                            <Icon glyph=Glyph::Down/>
                        }
                    }
                >
                    <div class="p-2">
                        <Transition>{move || session.who.get().and_then(Result::ok).map(|who| view! { <WhoIs who/> })}</Transition>
                        <p class="mt-3 mb-1 text-xs text-ink-faint">"Theme"</p>
                        <ThemeChoice/>
                    </div>
                </Menu>
                <form method="post" action="/sign-out">
                    <button type="submit" class=button_class(Look::Quiet) title="Sign out">
                        <Icon glyph=Glyph::SignOut/>
                        <span class="max-lg:sr-only">"Sign out"</span>
                    </button>
                </form>
            </div>
        </header>
    }
}

#[component]
fn WhoIs(who: Who) -> impl IntoView {
    let teams =
        if who.is_administrator { "Administrator: sees every team".to_owned() } else { who.namespaces.join(", ") };
    view! {
        <p class="font-strong">{who.username}</p>
        <p class="prose-line text-sm text-ink-quiet">
            {if teams.is_empty() { "No team yet. Ask an administrator for a role in a namespace.".to_owned() } else { teams }}
        </p>
    }
}

/// Search from anywhere: it opens the machines that fit.
#[component]
fn GlobalSearch(searched: Signal<String>) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let navigate = StoredValue::new(use_navigate());
    let location = use_location();
    let is_list = move || location.pathname.with(|path| path == paths::MACHINES || path.starts_with(paths::CONTAINERS));
    view! {
        <Show when=move || !is_list()>
            <form
                action=paths::MACHINES
                method="get"
                role="search"
                class="relative min-w-0 flex-1 md:max-w-80"
                on:submit=move |event| {
                    event.prevent_default();
                    let search = platform::field_text(input);
                    let query = ListQuery::of(search);
                    navigate.with_value(|navigate| {
                        navigate(&paths::list(paths::MACHINES, &query), NavigateOptions::default());
                    });
                }
            >
                <label class="sr-only" for="global-search">
                    "Search machines"
                </label>
                <span class="pointer-events-none absolute top-2 left-2.5 text-ink-faint">
                    <Icon glyph=Glyph::Search/>
                </span>
                <input
                    id="global-search"
                    node_ref=input
                    class="h-8 w-full rounded-control border border-rule bg-paper-raised pr-8 pl-8 text-sm placeholder:text-ink-faint hover:border-rule-strong"
                    type="search"
                    name="q"
                    placeholder="Search machines"
                    autocomplete="off"
                    spellcheck="false"
                    value=searched.get_untracked()
                />
                <kbd
                    class="pointer-events-none absolute top-1.5 right-1.5 hidden h-5 min-w-5 place-items-center rounded border border-rule bg-paper px-1 font-mono text-xs text-ink-faint md:grid"
                    aria-hidden="true"
                >
                    "/"
                </kbd>
            </form>
        </Show>
    }
}

/// The way around: at the side, or at the bottom of a narrow screen.
#[component]
fn Rail(session: Session) -> impl IntoView {
    let location = use_location();
    let path = Memo::new(move |_| location.pathname.get());
    let count = move |of: fn(&Overview) -> (u32, u32)| {
        Signal::derive(move || {
            session.overview.with(|overview| overview.as_ref().and_then(|overview| overview.as_ref().ok()).map(of))
        })
    };
    let machines = count(|overview| (sum(&overview.machines), tally(&overview.machines, MachineState::Trouble)));
    let pods = count(|overview| (sum(&overview.pods), tally(&overview.pods, PodState::Trouble)));
    let item = "relative flex items-center rounded-control text-ink-quiet hover:bg-off-soft hover:text-ink \
                aria-[current=page]:bg-accent-soft aria-[current=page]:text-ink \
                max-lg:flex-1 max-lg:flex-col max-lg:gap-0.5 max-lg:py-1.5 max-lg:text-xs lg:h-9 lg:gap-2.5 lg:px-2.5";
    let link = move |href: &'static str,
                     label: &'static str,
                     glyph: Glyph,
                     is_here: fn(&str) -> bool,
                     number: Option<Signal<Option<(u32, u32)>>>| {
        view! {
            <a class=item href=href aria-current=move || path.with(|path| is_here(path)).then_some("page")>
                <Icon glyph/>
                <span>{label}</span>
                {number
                    .map(|number| {
                        view! {
                            <span class="flex items-center gap-1.5 text-xs text-ink-faint max-lg:absolute max-lg:top-1 max-lg:left-[calc(50%+12px)] lg:ml-auto">
                                <Transition>
                                    {move || {
                                        number
                                            .get()
                                            .map(|(all, trouble)| {
                                                view! {
                                                    {(trouble > 0)
                                                        .then(|| {
                                                            view! {
                                                                <span class="text-bad" title="in trouble">
                                                                    "▲ " {words::count(trouble)}
                                                                </span>
                                                            }
                                                        })}
                                                    <span class="max-lg:hidden">{words::count(all)}</span>
                                                }
                                            })
                                    }}
                                </Transition>
                            </span>
                        }
                    })}
            </a>
        }
    };
    view! {
        <nav
            class="fixed z-20 flex border-rule bg-paper max-lg:inset-x-0 max-lg:bottom-0 max-lg:gap-1 max-lg:border-t max-lg:px-2 max-lg:py-1 lg:top-12 lg:bottom-0 lg:left-0 lg:w-52 lg:flex-col lg:gap-0.5 lg:border-r lg:p-3"
            aria-label="Main"
        >
            {link(paths::OVERVIEW, "Overview", Glyph::Overview, |path| path == paths::OVERVIEW, None)}
            {link(paths::MACHINES, "Machines", Glyph::Machine, |path| path.starts_with(paths::MACHINES), Some(machines))}
            {link(
                paths::CONTAINERS,
                "Containers",
                Glyph::Container,
                |path| ["/containers", "/pods/", "/workloads", "/services"].iter().any(|begin| path.starts_with(begin)),
                Some(pods),
            )}
            {link(paths::MIGRATIONS, "Moves", Glyph::Restart, |path| path == paths::MIGRATIONS, None)}
            {link(paths::IMAGES, "Images", Glyph::Disc, |path| path.starts_with(paths::IMAGES), None)}
            {link(paths::TEMPLATES, "Templates", Glyph::Copy, |path| path.starts_with(paths::TEMPLATES), None)}
            <Transition>
                {move || {
                    let sees_nodes = session.who.with(|who| matches!(who, Some(Ok(who)) if who.sees_nodes));
                    sees_nodes
                        .then(|| link(paths::NODES, "Nodes", Glyph::Node, |path| path.starts_with(paths::NODES), None))
                }}
            </Transition>
            <Transition>
                {move || {
                    let is_administrator = session
                        .who
                        .with(|who| matches!(who, Some(Ok(who)) if who.is_administrator));
                    is_administrator
                        .then(|| link(paths::DOCTOR, "Doctor", Glyph::Doctor, |path| path == paths::DOCTOR, None))
                }}
            </Transition>
        </nav>
    }
}

fn sum<S>(counts: &[(S, u32)]) -> u32 {
    counts.iter().map(|(_, count)| count).sum()
}

fn tally<S: PartialEq + Copy>(counts: &[(S, u32)], state: S) -> u32 {
    counts.iter().filter(|(of, _)| *of == state).map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_a_stage_and_the_sign_in_page_is_for_everybody() {
        assert_eq!(chrome("/sign-in"), Chrome::Bare);
        assert_eq!(chrome("/machines/blue/web-1/console"), Chrome::Stage);
        assert_eq!(chrome("/pods/blue/web-1/shell"), Chrome::Stage);
        assert_eq!(chrome("/machines/blue/console"), Chrome::Full, "a machine may be called console");
        assert_eq!(chrome("/machines/blue/web-1"), Chrome::Full);
        assert_eq!(chrome("/"), Chrome::Full);
    }
}
