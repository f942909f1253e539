//! A chart as the server drew it: lines in SVG, axes beside it in text, and the same in numbers.

use leptos::prelude::*;
use model::chart::{Chart, HEIGHT, Line, WIDTH};

use crate::clock::Ago;

/// Each line has a colour and a pattern of its own.
const LINES: [(&str, &str); 2] = [("text-accent", ""), ("text-info", "6 4")];

/// One chart.
#[component]
pub fn ChartFigure(
    /// What is drawn.
    chart: Chart,
) -> impl IntoView {
    let Chart { title, marks, times, lines, limit, table } = chart;
    let names: Vec<_> = lines.iter().map(|line| line.name.clone()).collect();
    let said: Vec<_> =
        lines.iter().map(|line| format!("{} now {}, at most {}", line.name, line.now, line.most)).collect();
    let said = format!("{title}: {}", said.join("; "));
    let legend: Vec<_> = lines.iter().zip(LINES).map(|(line, (colour, _))| legend(line, colour)).collect();
    let steps = u16::try_from(marks.len().saturating_sub(1)).unwrap_or(1).max(1);
    let grid: Vec<_> = (0..=steps).map(|step| format!("M0 {}H{WIDTH}", HEIGHT / steps * step)).collect();
    let grid = grid.concat();
    let paths: Vec<_> = lines
        .into_iter()
        .zip(LINES)
        .map(|(line, (colour, dashes))| {
            view! {
                <path
                    class=colour
                    d=line.path
                    fill="none"
                    stroke="currentColor"
                    stroke-width="1.5"
                    stroke-linecap="round"
                    stroke-linejoin="round"
                    stroke-dasharray=dashes
                    vector-effect="non-scaling-stroke"
                ></path>
            }
        })
        .collect();
    view! {
        <figure class="min-w-0">
            <figcaption class="mb-1 flex flex-wrap items-baseline gap-x-4 gap-y-1 text-sm">
                <span class="font-medium">{title}</span>
                {legend}
                {limit.as_ref().map(|(_, words)| view! { <span class="text-ink-faint">"of " {words.clone()}</span> })}
            </figcaption>
            <div class="grid grid-cols-[4.5rem_minmax(0,1fr)] gap-x-2 text-xs text-ink-faint">
                <div class="flex flex-col-reverse justify-between text-right" aria-hidden="true">
                    {marks.into_iter().map(|mark| view! { <span class="-my-2 leading-4">{mark}</span> }).collect_view()}
                </div>
                <svg
                    class="h-32 w-full overflow-visible"
                    viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                    preserveAspectRatio="none"
                    role="img"
                    aria-label=said
                >
                    <path class="text-rule" d=grid fill="none" stroke="currentColor" vector-effect="non-scaling-stroke"></path>
                    {limit
                        .map(|(height, _)| {
                            view! {
                                <path
                                    class="text-ink-faint"
                                    d=format!("M0 {height}H{WIDTH}")
                                    fill="none"
                                    stroke="currentColor"
                                    stroke-dasharray="2 4"
                                    vector-effect="non-scaling-stroke"
                                ></path>
                            }
                        })}
                    {paths}
                </svg>
                <span></span>
                <div class="mt-1 flex justify-between" aria-hidden="true">
                    {times.into_iter().map(|time| view! { <span>{time}</span> }).collect_view()}
                </div>
            </div>
            {numbers(names, table)}
        </figure>
    }
}

/// What a line is called, and where it is now.
fn legend(line: &Line, colour: &str) -> impl IntoView + use<> {
    let (name, now) = (line.name.clone(), line.now.clone());
    view! {
        <span class="inline-flex items-center gap-1.5">
            <span class=format!("h-0.5 w-3 bg-current {colour}")></span>
            <span class="text-ink-faint">{name}</span>
            <span>{now}</span>
        </span>
    }
}

/// The same without a picture.
fn numbers(names: Vec<String>, table: Vec<(i64, Vec<String>)>) -> impl IntoView {
    view! {
        <details class="mt-1 text-xs text-ink-quiet">
            <summary class="w-fit rounded-control text-ink-faint">"In numbers"</summary>
            <table class="mt-1 text-left">
                <thead>
                    <tr>
                        <th scope="col" class="pr-6 font-medium">"When"</th>
                        {names.into_iter().map(|name| view! { <th scope="col" class="pr-6 font-medium">{name}</th> }).collect_view()}
                    </tr>
                </thead>
                <tbody>
                    {table
                        .into_iter()
                        .map(|(at, cells)| {
                            view! {
                                <tr>
                                    <td class="pr-6"><Ago at/> " ago"</td>
                                    {cells.into_iter().map(|cell| view! { <td class="pr-6">{cell}</td> }).collect_view()}
                                </tr>
                            }
                        })
                        .collect_view()}
                </tbody>
            </table>
        </details>
    }
}
