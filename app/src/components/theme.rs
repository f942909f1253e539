//! The choice of theme: a form that works without WASM, and at once with it.

use leptos::prelude::*;
use server_fn::ServerFn;

use crate::api::session::SetTheme;
use crate::platform;
use crate::ui::{Look, button_class};

/// Light, dark, or as the system has it.
#[component]
pub fn ThemeChoice() -> impl IntoView {
    view! {
        <div class="flex gap-1" role="group" aria-label="Theme">
            {[("", "System"), ("light", "Light"), ("dark", "Dark")]
                .map(|(theme, label)| {
                    view! {
                        <form
                            method="post"
                            action=SetTheme::url()
                            on:submit=move |event| {
                                event.prevent_default();
                                platform::set_theme(theme);
                            }
                        >
                            <input type="hidden" name="theme" value=theme/>
                            <button type="submit" class=button_class(Look::Quiet)>
                                {label}
                            </button>
                        </form>
                    }
                })}
        </div>
    }
}
