//! The broker of the demo.

use anyhow::Result;
use sandstream_devbroker::{Broker as Dev, Options};

/// A broker.
pub(crate) struct Broker {
    pub(crate) address: String,
    /// Runs as long as this is kept.
    dev: Option<Dev>,
}

impl Broker {
    /// The one that runs at `address`, or the one for development, in this process.
    pub(crate) fn start(address: Option<&str>) -> Result<Self> {
        if let Some(address) = address {
            return Ok(Self { address: address.to_owned(), dev: None });
        }
        let dev = Dev::start(Options::default())?;
        Ok(Self { address: dev.address(), dev: Some(dev) })
    }

    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        if self.dev.is_some() { "broker for development" } else { "Kafka" }
    }
}
