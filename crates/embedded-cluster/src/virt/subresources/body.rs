//! Bodies of power requests: JSON or YAML, and empty ones mean the defaults.

use axum::body::Bytes;
use serde::Deserialize;

use crate::error::ApiError;

/// Options of all power requests; each takes those that it knows.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Hold the guest from the start.
    pub paused: bool,
    /// Seconds that a stopped guest may take.
    pub grace_period: Option<i64>,
    /// Seconds that a restarted guest may take; only 0 is known.
    pub grace_period_seconds: Option<i64>,
    /// Labels that the node has to have which a machine is moved to.
    pub added_node_selector: std::collections::BTreeMap<String, String>,
    dry_run: Vec<String>,
}

impl Options {
    /// Reads a body.
    pub fn read(body: &Bytes) -> Result<Self, ApiError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let options: Option<Self> = serde_yaml_ng::from_slice(body).map_err(|error| {
            ApiError::bad_request(format!("Can not unmarshal Request body to struct, error: {error}"))
        })?;
        Ok(options.unwrap_or_default())
    }

    /// Whether everything is checked and nothing done.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run.iter().any(|word| word == "All")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &'static str) -> Result<Options, ApiError> {
        Options::read(&Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn json_yaml_and_nothing_are_understood() {
        assert!(read(r#"{"paused": true, "dryRun": ["All"]}"#).is_ok_and(|o| o.paused && o.is_dry_run()));
        assert_eq!(read("gracePeriod: 0\n").unwrap().grace_period, Some(0));
        assert_eq!(read("").unwrap().grace_period_seconds, None);
        assert_eq!(read("null").unwrap().grace_period_seconds, None);
        assert_eq!(read("[1, 2").unwrap_err().code, 400);
    }
}
