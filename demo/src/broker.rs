//! The broker of the demo.

#[cfg(test)]
use anyhow::Context as _;
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
        // What is counted in the end must still be there.
        let settings = [("log.retention.bytes".to_owned(), "-1".to_owned())].into();
        let dev = Dev::start(Options { settings, ..Options::default() })?;
        Ok(Self { address: dev.address(), dev: Some(dev) })
    }

    /// Makes topics in the one for development.
    #[cfg(test)]
    pub(crate) fn make(&self, names: &[String]) -> Result<()> {
        let dev = self.dev.as_ref().context("this is somebody's Kafka")?;
        names.iter().try_for_each(|name| dev.ensure_topic(name, 1).with_context(|| name.clone()))
    }

    /// What it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        if self.dev.is_some() { "broker for development" } else { "Kafka" }
    }
}
