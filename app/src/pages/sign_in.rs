//! Signing in: the mark, two fields, a button. A plain form that the server answers.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::ui::{Look, Mark, Notice, Tone, button_class};

/// What went wrong, for the words that the server sends along. Other words are not shown: anybody can write
/// them into a link.
fn problem(word: &str) -> Option<&'static str> {
    match word {
        "" => None,
        "throttled" => Some("Too many attempts. Wait a minute, then try again."),
        "unavailable" => Some("Signing in does not work at the moment. Try again in a minute."),
        _ => Some("The name or the password is wrong."),
    }
}

/// The page.
#[component]
pub fn SignInPage() -> impl IntoView {
    let params = use_query_map();
    let text = move |key: &'static str| params.with(|params| params.get(key).unwrap_or_default());
    let problem = Memo::new(move |_| problem(&text("error")));
    let field = "mt-1 h-10 w-full rounded-control border border-rule-strong bg-paper-raised px-3 text-base";
    view! {
        <Title text="Sign in"/>
        <div class="grid min-h-dvh place-items-center px-6 py-10">
            <div class="w-full max-w-[20rem]">
                <div class="mb-8 flex flex-col items-center gap-4 text-center">
                    <span class="text-accent">
                        <Mark class="size-14"/>
                    </span>
                    <h1 class="text-xl">"Sign in to Porthole"</h1>
                </div>
                {move || problem.get().map(|problem| view! { <div class="mb-4"><Notice tone=Tone::Bad>{problem}</Notice></div> })}
                <form method="post" action="/sign-in" class="flex flex-col gap-4">
                    <input type="hidden" name="next" value=move || text("next")/>
                    <label class="block text-sm font-medium">
                        "User name"
                        <input
                            class=field
                            type="text"
                            name="username"
                            autocomplete="username"
                            autocapitalize="none"
                            spellcheck="false"
                            required
                            autofocus=move || text("username").is_empty()
                            value=move || text("username")
                        />
                    </label>
                    <label class="block text-sm font-medium">
                        "Password"
                        <input
                            class=field
                            type="password"
                            name="password"
                            autocomplete="current-password"
                            required
                            autofocus=move || !text("username").is_empty()
                        />
                    </label>
                    <button type="submit" class=format!("{} mt-2 h-10 justify-center", button_class(Look::Primary))>
                        "Sign in"
                    </button>
                </form>
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_cannot_put_words_of_its_own_onto_the_page() {
        assert_eq!(problem("call 555-0100 to unlock"), problem("wrong"));
        assert_eq!(problem(""), None);
    }
}
