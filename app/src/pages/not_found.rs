//! What stands at addresses that lead nowhere.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::ui::{Empty, Glyph, Look, button_class};
use crate::{paths, platform};

/// The page.
#[component]
pub fn NotFound() -> impl IntoView {
    platform::set_status(404);
    view! {
        <Title text="Not found"/>
        <h1 class="sr-only">"Not found"</h1>
        <Empty glyph=Glyph::Search title="There is no such page">
            <p>"The address may be mistyped, or the page has moved."</p>
            <p class="mt-4">
                <a class=button_class(Look::Primary) href=paths::OVERVIEW>
                    "Go to the overview"
                </a>
            </p>
        </Empty>
    }
}
