//! What a host would make of an announcement, without one: the same steps on the same code, and nothing becomes live.

use std::sync::Arc;

use super::compile::{self, Compiled, Loaded};
use super::verify::{self, Rules};
use super::watch::{Change, Watch};
use super::{Config, Error, Locations, StreamSpec, warm};
use crate::backend::{Backends, Model, Rejected, Stage};
use crate::binding::{Binding, Bound};
use crate::stream::{Chunks, Entry};
use crate::types::Digest;

/// A host's rules and backends.
pub struct DryRun {
    rules: Rules,
    backends: Backends,
    locations: Arc<Locations>,
}

/// A model that was verified and loaded.
pub struct DryModel(Compiled);

impl DryRun {
    /// As a host with this configuration.
    ///
    /// # Errors
    /// A folder of `locations` cannot be opened.
    pub fn new(config: &Config, backends: Backends, chunks: Arc<dyn Chunks>) -> Result<Self, Error> {
        let locations = Arc::new(Locations::of(config)?);
        Ok(Self { rules: Rules::of(config, locations.clone(), chunks), backends, locations })
    }

    /// Verifies and loads the model of a descriptor, given as its record would be.
    ///
    /// # Errors
    /// Why a host would reject it, and how far it came.
    pub fn load(&self, descriptor: Vec<u8>) -> Result<DryModel, Rejected> {
        let verify = |reason| Rejected { stage: Stage::Verify, reason };
        let entry = Entry { revision: 0, timestamp: -1, key: None, value: Some(descriptor), expects: None };
        let order = Watch::new(self.locations.clone()).read(entry).map_err(|refused| verify(refused.reason))?;
        let Change::Announce(announced) = order.change else {
            return Err(verify("it announces no model".to_owned()));
        };
        let verified = verify::verify(&announced, &self.rules, &self.backends, &|| true)?;
        Ok(DryModel(compile::compile(verified, &self.backends, &Loaded::default())?))
    }
}

impl DryModel {
    /// The model.
    #[must_use]
    pub fn model(&self) -> &dyn Model {
        self.0.model.as_ref()
    }

    /// What it would be known by.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.verified.digest
    }

    /// How many goldens the descriptor has.
    #[must_use]
    pub fn goldens(&self) -> usize {
        self.0.verified.goldens.len()
    }

    /// Which fields its inputs take in a stream.
    ///
    /// # Errors
    /// The data type does not fit.
    pub fn bound(&self, stream: &StreamSpec, data_type: usize) -> Result<Vec<Bound>, Rejected> {
        let Some(data_type) = stream.types.get(data_type) else { return Ok(Vec::new()) };
        let schema = data_type.codec.schema();
        let binding = Binding::new(schema, self.model().signature());
        let binding = binding.map_err(|error| Rejected { stage: Stage::Warm, reason: error.to_string() })?;
        Ok(binding.bound(schema, self.model().signature()))
    }

    /// Readies it for a stream as a host does: sessions, trial calls, goldens.
    ///
    /// # Errors
    /// Why it would be rejected there.
    pub fn warm(&self, stream: &StreamSpec, data_type: usize) -> Result<(), Rejected> {
        let Some(data_type) = stream.types.get(data_type) else { return Ok(()) };
        warm::warm(&self.0, stream, data_type, &|| true).map(|_| ())
    }
}
