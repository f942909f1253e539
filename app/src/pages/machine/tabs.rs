//! The tabs of the machine's page: links with addresses of their own, so that each can be shared and works without script.

use leptos::prelude::*;
use model::ObjectRef;

use crate::paths;

/// One part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    /// What it is and where it runs.
    #[default]
    Overview,
    /// What it uses.
    Metrics,
    /// What happened.
    Timeline,
    /// Its manifest.
    Yaml,
}

impl Tab {
    const ALL: [Self; 4] = [Self::Overview, Self::Metrics, Self::Timeline, Self::Yaml];

    const fn word(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Metrics => "metrics",
            Self::Timeline => "timeline",
            Self::Yaml => "yaml",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Metrics => "Metrics",
            Self::Timeline => "Timeline",
            Self::Yaml => "YAML",
        }
    }

    /// The part that a word of the address means; the first one for words that mean none.
    pub(super) fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|tab| tab.word() == word).unwrap_or_default()
    }
}

/// The links.
#[component]
pub(super) fn Tabs(at: ObjectRef, now: Memo<Tab>) -> impl IntoView {
    view! {
        <nav class="mt-4 flex gap-5 border-b border-rule text-sm" aria-label="Parts of this machine's page">
            {Tab::ALL
                .map(move |tab| {
                    let is_here = move || now.get() == tab;
                    view! {
                        <a
                            class="-mb-px border-b-2 border-transparent pb-2 text-ink-quiet hover:text-ink aria-[current]:border-accent aria-[current]:text-ink"
                            href=paths::machine_tab(&at, tab.word())
                            aria-current=move || is_here().then_some("page")
                            data-noscroll=""
                        >
                            {tab.label()}
                        </a>
                    }
                })}
        </nav>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tab_has_an_address_and_unknown_words_show_the_first() {
        for tab in Tab::ALL {
            assert_eq!(Tab::from_word(tab.word()), tab);
        }
        assert_eq!(Tab::from_word("colours"), Tab::Overview);
    }
}
