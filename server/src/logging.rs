//! The log: standard error, one line an event, text for people or JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;

/// Libraries whose `info` says nothing to an operator. kube's client writes whole answers into its warnings; what
/// they mean is logged where it is handled.
const QUIET: &str = "tower_sessions=warn,tower_sessions_core=warn,sqlx=warn,hyper=warn,rustls=warn,\
    kube_client=error,kube_runtime=error";

/// Starts logging. The person's filter comes last, so it can turn up what is quiet otherwise.
pub fn start(filter: &str, format: LogFormat) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|error| error.to_string())?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.with_target(false).compact().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| error.to_string())
}
