//! What waits for the next start, old beside new, and the way back.

use leptos::prelude::*;
use model::ObjectRef;
use model::editing::Pending;
use server_fn::ServerFn;

use super::{ChangeForm, Changer};
use crate::api::editing::{RevertChange, revert_change};
use crate::ui::{Look, Notice, Tone, button_class};

/// Old beside new.
#[component]
pub(super) fn Waits(at: ObjectRef, pending: Vec<Pending>, may_change: bool, changer: Changer) -> impl IntoView {
    let has_several = pending.iter().filter(|change| change.revert_denied.is_none()).count() > 1;
    let of = at.clone();
    view! {
        <div class="mb-3">
            <Notice tone=Tone::Info>
                <p class="font-medium">"Waits for the next start"</p>
                <ul class="mt-1 flex flex-col gap-1">
                    {pending.into_iter().map(|change| view! { <Line at=at.clone() change may_change changer/> }).collect_view()}
                </ul>
                {(may_change && has_several)
                    .then(|| {
                        view! {
                            <div class="mt-2">
                                <Revert at=of what=String::new() label="Take all of it back" named=String::new() changer/>
                            </div>
                        }
                    })}
            </Notice>
        </div>
    }
}

#[component]
fn Line(at: ObjectRef, change: Pending, may_change: bool, changer: Changer) -> impl IntoView {
    let (named, id) = (change.what.clone(), change.id.clone());
    view! {
        <li class="flex flex-wrap items-center gap-x-3 gap-y-1" data-pending=id>
            <span>{change.what} ": " <s class="text-ink-faint">{change.now}</s> " → " {change.next}</span>
            {match change.revert_denied {
                Some(reason) => view! { <span class="text-xs text-ink-faint">"Cannot be taken back. " {reason}</span> }.into_any(),
                None => {
                    may_change
                        .then(|| view! { <Revert at what=change.id label="Take back" named changer/> })
                        .into_any()
                }
            }}
        </li>
    }
}

#[component]
fn Revert(at: ObjectRef, what: String, label: &'static str, named: String, changer: Changer) -> impl IntoView {
    let sent = what.clone();
    let send = move |namespace, name| revert_change(namespace, name, sent.clone());
    view! {
        <ChangeForm at action=RevertChange::url() send done="It stays as it runs." changer>
            <input type="hidden" name="what" value=what/>
            <button type="submit" class=button_class(Look::Plain)>
                {label}
                {(!named.is_empty()).then(|| view! { <span class="sr-only">": " {named}</span> })}
            </button>
        </ChangeForm>
    }
}
