//! Saved views of a list: links to them, and keeping the list as it is under a name.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use model::query::view::View;
use model::query::{ListQuery, Tab};
use server_fn::ServerFn;

use super::toasts::Toasts;
use crate::api::inventory::{DeleteView, RenameView, SaveView, delete_view, get_views, rename_view, save_view};
use crate::api::{Answer, ApiError};
use crate::ui::{Glyph, Icon, Look, Menu, Tone, button_class};
use crate::{paths, platform};

const FIELD: &str = "h-8 w-full min-w-0 rounded-control border border-rule-strong bg-paper-raised px-2 text-sm";

/// The menu.
#[component]
pub fn ViewMenu(
    /// The list's address without its query.
    base: &'static str,
    /// Whose views.
    tab: &'static Tab,
    /// The list's query.
    query: Memo<ListQuery>,
) -> impl IntoView {
    let (toasts, version) = (Toasts::expect(), RwSignal::new(0_u32));
    let views = Resource::new(move || version.get(), move |_| get_views(tab.word.to_owned()));
    // Told in the words of the field, and what was typed stays where it is.
    let told = move |answer: Answer<()>, done: String| match answer {
        Ok(()) => {
            toasts.say(Tone::Good, done);
            version.update(|version| *version += 1);
        }
        Err(ApiError(error)) => toasts.say(Tone::Bad, error.message),
    };
    let name = NodeRef::<html::Input>::new();
    let address =
        move || query.with(|query| paths::list_address(&ListQuery { page: 0, view: String::new(), ..query.clone() }));
    let keep = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (name, address) = (platform::field_text(name), address());
        spawn_local(async move {
            let answer = save_view(tab.word.to_owned(), name.clone(), address).await;
            told(answer, format!("The view {} is kept.", name.trim()));
        });
    };
    let current = move || query.with(|query| query.view.clone());
    let own = move |view: View| {
        let (is_built_in, href, title) = (view.is_built_in, paths::view(base, &view), view.name.clone());
        let is_current = current() == view.name;
        view! {
            <li class="flex items-center gap-1">
                <a class=button_class(Look::Item) href=href aria-current=is_current.then_some("true")>
                    <span class="w-4 shrink-0 text-accent">{is_current.then(|| view! { <Icon glyph=Glyph::Check/> })}</span>
                    <span class="truncate">{title}</span>
                </a>
                {(!is_built_in).then(|| view! { <Change tab view told/> })}
            </li>
        }
    };
    view! {
        <Menu
            label="Saved views"
            class=button_class(Look::Plain)
            place="right-0 top-full mt-1 max-h-[70vh] w-72 overflow-y-auto"
            face=move || {
                view! {
                    <span class="max-w-32 truncate">{move || if current().is_empty() { "Views".to_owned() } else { current() }}</span>
                    <Icon glyph=Glyph::Down/>
                }
            }
        >
            <ul>
                <Transition>{move || views.get().and_then(Result::ok).map(|views| views.into_iter().map(own).collect_view())}</Transition>
            </ul>
            <form
                method="post"
                action=SaveView::url()
                class="mt-1 flex items-center gap-1 border-t border-rule p-1.5 pt-2"
                on:submit=keep
            >
                <input type="hidden" name="tab" value=tab.word/>
                <input type="hidden" name="address" value=address/>
                <input class=FIELD name="name" placeholder="Name of this view" aria-label="Name of this view" autocomplete="off" node_ref=name/>
                <button type="submit" class=button_class(Look::Plain)>
                    "Save"
                </button>
            </form>
        </Menu>
    }
}

/// Another name for a view, and its end.
#[component]
fn Change(
    tab: &'static Tab,
    view: View,
    told: impl Fn(Answer<()>, String) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let name = StoredValue::new(view.name);
    let renamed = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (from, to) = (name.get_value(), platform::field_text(field));
        spawn_local(async move {
            let answer = rename_view(tab.word.to_owned(), from, to.clone()).await;
            told(answer, format!("The view is called {} now.", to.trim()));
        });
    };
    let deleted = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let name = name.get_value();
        spawn_local(async move {
            let answer = delete_view(tab.word.to_owned(), name.clone()).await;
            told(answer, format!("The view {name} is gone."));
        });
    };
    let hidden = move || {
        view! {
            <input type="hidden" name="tab" value=tab.word/>
            <input type="hidden" name="name" value=name.get_value()/>
        }
    };
    let label = format!("Change the view {}", name.get_value());
    view! {
        <details class="ml-auto shrink-0">
            <summary class=button_class(Look::Quiet) aria-label=label>
                <Icon glyph=Glyph::More/>
            </summary>
            <div class="absolute right-2 left-2 z-10 flex gap-1 rounded-control border border-rule bg-paper-raised p-1.5">
                <form method="post" action=RenameView::url() class="flex min-w-0 flex-1 gap-1" on:submit=renamed>
                    {hidden()}
                    <input class=FIELD name="next" aria-label="Another name" value=name.get_value() autocomplete="off" node_ref=field/>
                    <button type="submit" class=button_class(Look::Plain)>
                        "Rename"
                    </button>
                </form>
                <form method="post" action=DeleteView::url() on:submit=deleted>
                    {hidden()}
                    <button type="submit" class=button_class(Look::Plain) aria-label="Delete this view" title="Delete this view">
                        <Icon glyph=Glyph::Trash/>
                    </button>
                </form>
            </div>
        </details>
    }
}
