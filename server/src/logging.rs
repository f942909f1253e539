//! The log: standard error, one line an event, text for people or JSON for machines.

use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// Libraries whose `info` says nothing to an operator.
const QUIET: &str = "tower_sessions=warn,tower_sessions_core=warn,sqlx=warn,hyper=warn,kube=warn,rustls=warn";

/// Starts logging. The person's filter comes last, so it can turn up what is quiet otherwise.
pub fn start(filter: &str, format: LogFormat) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).compact().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| error.to_string())
}
