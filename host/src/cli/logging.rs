//! Log lines: to stderr, as text or JSON, with the data in fields.

use std::io::{IsTerminal as _, stderr};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

#[derive(clap::Args)]
pub(super) struct Args {
    /// What is logged: a level, or `target=level` with commas between them
    #[arg(long, global = true, env = "SANDSTREAM_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
    /// How log lines look
    #[arg(long, global = true, env = "SANDSTREAM_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    log_format: Format,
}

impl Args {
    pub(super) fn start(&self) {
        let filter = EnvFilter::try_new(&self.log).unwrap_or_else(|error| {
            eprintln!("sandstream: --log {}: {error}; logging at level info", self.log);
            EnvFilter::new("info")
        });
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
        match self.log_format {
            Format::Text => lines.with_ansi(stderr().is_terminal()).init(),
            Format::Json => lines.json().flatten_event(true).init(),
        }
    }
}
