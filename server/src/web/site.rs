//! Scripts, styles and pictures: the folder that a release build lays out (`xtask::site`, `cargo leptos build`).
//!
//! Files whose names hold their content's hash never change, so a browser keeps them for ever; all others are
//! asked for again each time and answered with 304. Compressed twins beside a file are served as they are.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app::PartFiles;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use leptos::config::LeptosOptions;
use tower_http::services::ServeDir;

const OUTPUT_NAME: &str = "porthole";
const PACKAGE_DIR: &str = "pkg";
const HASH_FILE: &str = "hash.txt";
const PART_LIST: &str = "parts.txt";

/// Where the files are and how their names are made.
#[derive(Clone, Debug)]
pub struct Site {
    /// The same for the pages.
    pub options: LeptosOptions,
    /// The files of the pages that are fetched when they are needed.
    pub parts: PartFiles,
    root: PathBuf,
    hashes: Arc<[String]>,
}

impl Site {
    /// Finds the files: the folder that was named, else `../site` or `site` beside the program.
    pub fn find(named: Option<&Path>) -> Self {
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
        let beside = beside.unwrap_or_else(|| PathBuf::from("."));
        let candidates = [named.map(Path::to_owned), Some(beside.join("../site")), Some(beside.join("site"))];
        let found = candidates.into_iter().flatten().find(|folder| folder.join(PACKAGE_DIR).is_dir());
        if found.is_none() {
            tracing::warn!(
                "no scripts and styles found beside the program: pages are plain HTML. `cargo xtask demo` makes \
                 them in target/site; --site-root or LEPTOS_SITE_ROOT names another folder"
            );
        }
        let root = found.unwrap_or_else(|| beside.join("site"));
        let root = root.canonicalize().unwrap_or(root);
        // Leptos reads the same file for the names in its pages, and panics if it is told to and cannot.
        let hashes: Vec<String> = std::fs::read_to_string(beside.join(HASH_FILE))
            .map(|text| text.lines().filter_map(|line| Some(line.split_once(':')?.1.trim().to_owned())).collect())
            .unwrap_or_default();
        let is_hashed =
            hashes.iter().any(|hash| root.join(PACKAGE_DIR).join(format!("{OUTPUT_NAME}.{hash}.js")).exists());
        let options = LeptosOptions::builder()
            .output_name(OUTPUT_NAME)
            .site_root(root.to_string_lossy().into_owned())
            .site_pkg_dir(PACKAGE_DIR)
            .hash_files(is_hashed)
            .build();
        let list = std::fs::read_to_string(root.join(PACKAGE_DIR).join(PART_LIST));
        let parts = list.map(|list| PartFiles::parse(&list)).unwrap_or_default();
        let hashes = if is_hashed { hashes } else { Vec::new() };
        let hashes = hashes.into_iter().chain(parts.all().map(str::to_owned)).collect();
        Self { options, parts, root, hashes }
    }

    /// Serves the files, and what is none by `otherwise`.
    pub fn files(&self, otherwise: Router) -> Router {
        let files = ServeDir::new(&self.root)
            .precompressed_br()
            .precompressed_gzip()
            .append_index_html_on_directories(false)
            .call_fallback_on_method_not_allowed(true)
            .fallback(otherwise);
        let hashes = self.hashes.clone();
        Router::new()
            .fallback_service(tower::ServiceExt::<Request>::map_err(files, |error: Infallible| match error {}))
            .layer(from_fn(move |request: Request, next: Next| cache(hashes.clone(), request, next)))
    }
}

async fn cache(hashes: Arc<[String]>, request: Request, next: Next) -> Response {
    let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut response = next.run(request).await;
    let is_file = matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED);
    if is_file {
        let is_hashed = hashes.iter().any(|hash| name.contains(hash.as_str()));
        let kept = if is_hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        headers.entry(VARY).or_insert(HeaderValue::from_static("accept-encoding"));
    }
    response
}
