//! What a real control plane did, line by line. See the recordings' own README for where they come from.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

/// One line.
#[derive(Debug, Deserialize)]
pub struct Line {
    /// `PUT /path {"body": …}`.
    pub action: Option<String>,
    #[serde(default)]
    pub status: u16,
    #[serde(default)]
    pub body: Value,
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub object: Value,
}

impl Line {
    /// Method, path and body.
    pub fn request(&self) -> Option<(&str, &str, &str)> {
        let (method, rest) = self.action.as_deref()?.split_once(' ')?;
        let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
        Some((method, path, body))
    }
}

/// The lines of a sequence; `None`, said aloud, where the recordings are not there.
pub fn read(name: &str) -> Option<Vec<Line>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/recorded");
    let folder = std::env::var_os("PORTHOLE_RECORDED").map_or(beside, PathBuf::from);
    let path = folder.join("sequences").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no recording at {} (PORTHOLE_RECORDED names the folder)", path.display());
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}
