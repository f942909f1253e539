//! Where a page stands: its list, and the team in it.

use leptos::prelude::*;
use model::query::ListQuery;

use crate::paths;
use crate::ui::{Glyph, Icon, Look, button_class};

/// The way back up from one thing to the lists that it is in.
#[component]
pub fn Crumbs(
    /// The list's name.
    list: &'static str,
    /// The list.
    base: &'static str,
    /// The thing's team.
    #[prop(into)]
    team: String,
) -> impl IntoView {
    let query = ListQuery::of(format!("team:{team}"));
    view! {
        <nav aria-label="Breadcrumb" class="-ml-2">
            <ol class="flex items-center text-ink-faint">
                <li>
                    <a class=button_class(Look::Quiet) href=base>
                        <Icon glyph=Glyph::Back/>
                        {list}
                    </a>
                </li>
                <li class="flex items-center">
                    <span aria-hidden="true">"/"</span>
                    <a class=button_class(Look::Quiet) href=paths::list(base, &query)>
                        {team}
                    </a>
                </li>
                <li aria-hidden="true">"/"</li>
            </ol>
        </nav>
    }
}
