//! The program `porthole`.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use metrics_exporter_prometheus::PrometheusBuilder;
use server::cli::{Cli, Command, ServeArgs};
use server::config::Config;
use server::serve::Porthole;
use server::start_error::StartError;
use server::terminal::{complain, say};
use server::{accounts, doctor, logging};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = logging::start(&cli.log, cli.log_format) {
        complain(&format!("porthole: --log `{}` is no filter: {error}", cli.log));
        return ExitCode::from(2);
    }
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("porthole: {error}"));
            for cause in error.chain().skip(1) {
                complain(&format!("  {cause}"));
            }
            ExitCode::from(error.downcast_ref::<StartError>().map_or(1, StartError::exit_code))
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    // Two libraries bring a default; naming one keeps them from disputing it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = server::runtime().context("cannot start the runtime")?;
    runtime.block_on(async {
        match command {
            Command::Serve(args) => serve(args).await,
            Command::Account(args) => accounts::run(args.command).await.map(|()| ExitCode::SUCCESS),
            Command::Doctor(args) => doctor::run(args).await,
        }
    })
}

async fn serve(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let config = Config::from_args(args)?;
    let metrics = PrometheusBuilder::new().install_recorder().context("cannot count")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for signals")?;
    let porthole = tokio::select! {
        started = Porthole::start(config, metrics) => started?,
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
    };
    say(&porthole.announcement());
    let code = tokio::select! {
        _ = terminate.recv() => ExitCode::SUCCESS,
        _ = interrupt.recv() => ExitCode::SUCCESS,
        () = porthole.ended() => {
            tracing::error!("a part of porthole broke; ending, so that whatever supervises it starts it anew");
            ExitCode::FAILURE
        }
    };
    tracing::info!("stopping");
    tokio::select! {
        () = porthole.stop() => {}
        _ = interrupt.recv() => tracing::warn!("stopped at once, as asked twice"),
    }
    Ok(code)
}
