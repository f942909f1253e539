//! The document around the pages, made by the server alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::request::Parts;
use leptos::hydration::{AutoReload, HydrationScripts};
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::App;
use crate::parts::Part;
use crate::ssr::remembered_theme;

/// The files that the build put each part into; none if it did not split the WASM.
#[derive(Clone, Debug, Default)]
pub struct PartFiles(Arc<BTreeMap<String, Vec<String>>>);

impl PartFiles {
    /// Reads the build's list: a line for each part, with its name, a colon and its files.
    pub fn parse(list: &str) -> Self {
        let parts = list.lines().filter_map(|line| line.split_once(':'));
        let of_parts =
            parts.map(|(part, files)| (part.to_owned(), files.split_whitespace().map(str::to_owned).collect()));
        Self(Arc::new(of_parts.collect()))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().flatten().map(String::as_str)
    }

    /// Those of the page that is asked for.
    fn of_this_page(&self) -> &[String] {
        let part = use_context::<Parts>().and_then(|parts| Part::of(parts.uri.path()));
        part.and_then(|part| self.0.get(part.name())).map_or(&[], Vec::as_slice)
    }
}

/// The document: the theme is known before the first paint. Its inline scripts carry the nonce that the server
/// puts into the answer's content security policy.
pub fn shell(options: LeptosOptions, parts: &PartFiles) -> impl IntoView {
    let package = options.site_pkg_dir.clone();
    let parts = parts.of_this_page().iter();
    let parts = parts.map(|file| {
        let href = format!("/{package}/{file}");
        view! { <link rel="preload" href=href r#as="fetch" r#type="application/wasm" crossorigin="anonymous"/> }
    });
    let parts = parts.collect_view();
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=remembered_theme()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="theme-color" content="#f6f8f9" media="(prefers-color-scheme: light)"/>
                <meta name="theme-color" content="#0e1519" media="(prefers-color-scheme: dark)"/>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
                <link rel="preload" href="/fonts/inter-latin.woff2" r#as="font" type="font/woff2" crossorigin="anonymous"/>
                <AutoReload options=options.clone()/>
                <HashedStylesheet id="style" options=options.clone()/>
                <HydrationScripts options/>
                {parts}
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}
