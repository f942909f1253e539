//! The one place that knows how a resource becomes a page.
//!
//! Three shapes: waiting (room of the same height), there, failed. What was shown stays while it is asked for
//! again, and stays when asking again fails for a while: a cluster that is away for a minute does not empty a
//! page. Inside, the data is a memo, so that only what changed is touched.

use leptos::prelude::*;
use model::{ErrorCode, UiError};

use super::notice::{ErrorPage, ErrorPanel, Notice, Tone};
use crate::api::Answer;

/// What a region shows.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Waiting,
    There,
    Failed(UiError),
}

/// The answer that is shown: the newest good one, also while asking again fails for a while.
fn last_good<T: Clone>(previous: Option<&Option<T>>, answer: Option<&Answer<T>>) -> Option<T> {
    match answer {
        Some(Ok(value)) => Some(value.clone()),
        Some(Err(error)) if !is_passing(error.0.code) => None,
        None | Some(Err(_)) => previous.cloned().flatten(),
    }
}

fn shape<T>(has_good: bool, answer: Option<&Answer<T>>) -> Shape {
    match answer {
        _ if has_good => Shape::There,
        Some(Err(error)) => Shape::Failed(error.0.clone()),
        None | Some(Ok(_)) => Shape::Waiting,
    }
}

const fn is_passing(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Unavailable | ErrorCode::Internal | ErrorCode::TooMany)
}

/// Shows a resource once it is there.
#[component]
pub fn Loaded<T, V>(
    /// Where the data comes from.
    resource: Resource<Answer<T>>,
    /// Room of about the same height, until then.
    #[prop(into)]
    waiting: ViewFnOnce,
    /// Whether this is what the page is about: its failure is the page's title and status.
    #[prop(optional)]
    is_page: bool,
    /// The data as it is now.
    children: impl Fn(Memo<T>) -> V + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + PartialEq + Send + Sync + 'static,
    V: IntoView + 'static,
{
    let children = StoredValue::new(children);
    view! {
        <Transition fallback=waiting>
            {
                let last: Memo<Option<T>> = Memo::new(move |previous: Option<&Option<T>>| {
                    resource.with(|answer| last_good(previous, answer.as_ref()))
                });
                let shape = Memo::new(move |_| {
                    let has_good = last.with(Option::is_some);
                    resource.with(|answer| shape(has_good, answer.as_ref()))
                });
                let problem = Memo::new(move |_| match resource.get() {
                    Some(Err(error)) if is_passing(error.0.code) => Some(error.0.message),
                    _ => None,
                });
                let content = move || {
                    let first = last.get_untracked()?;
                    let now = Memo::new(move |previous: Option<&T>| {
                        last.get().unwrap_or_else(|| previous.unwrap_or(&first).clone())
                    });
                    Some(children.with_value(|children| children(now)).into_any())
                };
                region(shape, problem, is_page, Box::new(content))
            }
        </Transition>
    }
}

/// The part that is the same for all data.
fn region(
    shape: Memo<Shape>,
    problem: Memo<Option<String>>,
    is_page: bool,
    content: Box<dyn Fn() -> Option<AnyView> + Send>,
) -> impl IntoView {
    move || match shape.get() {
        Shape::Waiting => None,
        Shape::Failed(error) if is_page => Some(view! { <ErrorPage error/> }.into_any()),
        Shape::Failed(error) => Some(view! { <ErrorPanel error/> }.into_any()),
        Shape::There => content().map(|content| {
            view! {
                {move || problem.get().map(|message| view! {
                    <div class="mb-3"><Notice tone=Tone::Warn>{message}</Notice></div>
                })}
                {content}
            }
            .into_any()
        }),
    }
}

/// Room for rows that are on their way.
#[component]
pub fn Skeleton(
    /// How many rows.
    #[prop(default = 6)]
    rows: usize,
) -> impl IntoView {
    view! {
        <div class="late flex flex-col gap-2 py-1" role="status" aria-label="Loading">
            {(0..rows).map(|_| view! { <div class="waiting h-7"></div> }).collect_view()}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiError;

    fn failed(code: ErrorCode) -> Answer<u8> {
        Err(ApiError::new(code, "…"))
    }

    /// What a region shows after each of the answers.
    fn shown(answers: &[Option<Answer<u8>>]) -> (Option<u8>, Shape) {
        let last = answers.iter().fold(None, |last, answer| Some(last_good(last.as_ref(), answer.as_ref())));
        let last = last.flatten();
        (last, shape(last.is_some(), answers.last().and_then(Option::as_ref)))
    }

    #[test]
    fn what_is_shown_stays_while_the_cluster_is_away_for_a_while() {
        let away = Some(failed(ErrorCode::Unavailable));
        assert_eq!(shown(&[None, Some(Ok(1)), away.clone()]), (Some(1), Shape::There));
        assert_eq!(shown(&[Some(Ok(1)), away, Some(Ok(2))]), (Some(2), Shape::There));
    }

    #[test]
    fn what_is_gone_or_no_longer_allowed_is_not_shown_any_longer() {
        for code in [ErrorCode::NotFound, ErrorCode::Forbidden, ErrorCode::SignedOut] {
            let (last, shape) = shown(&[Some(Ok(1)), Some(failed(code))]);
            assert!(last.is_none() && matches!(shape, Shape::Failed(_)), "{code:?}");
        }
    }

    #[test]
    fn a_first_answer_that_fails_is_an_error_whatever_it_is() {
        assert!(matches!(shown(&[Some(failed(ErrorCode::Unavailable))]).1, Shape::Failed(_)));
        assert_eq!(shown(&[None]).1, Shape::Waiting);
    }
}
