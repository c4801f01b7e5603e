//! What is published on the control log meanwhile: new versions, pins, rollbacks, retirements, and models that cannot be compiled.

use std::sync::atomic::AtomicBool;

use anyhow::Result;
use fastrand::Rng;
use sandstream::types::ModelId;
use sandstream::types::proto::deployment::{Latest, strategy::Kind};

use super::mortal::wait;
use crate::kit::world::{World, component, model};

/// Milliseconds between two orders.
const PAUSE_MS: std::ops::Range<u64> = 400..1400;
/// Models that are there at a time; the oldest are retired.
const MODELS_MAX: usize = 5;

pub(super) struct Orders<'a> {
    world: &'a World,
    rng: Rng,
    components: [(&'static str, Vec<u8>); 2],
    /// Announced and not retired, oldest first.
    models: Vec<ModelId>,
    versions: u32,
    /// How many were given.
    pub(super) given: u64,
}

impl<'a> Orders<'a> {
    /// Publishes the first model, so that there is something to start with.
    pub(super) fn new(world: &'a World, seed: u64) -> Result<Self> {
        let components = [("linear", component("wine-linear")?), ("forest", component("wine-forest")?)];
        let (rng, models) = (Rng::with_seed(seed), Vec::new());
        let mut orders = Self { world, rng, components, models, versions: 0, given: 0 };
        orders.publish()?;
        Ok(orders)
    }

    /// Gives orders until `stop` is set, and leaves the latest model to answer.
    pub(super) fn give(&mut self, stop: &AtomicBool) -> Result<()> {
        while !wait(self.rng.u64(PAUSE_MS), stop) {
            match self.rng.u32(0..10) {
                0..4 => self.publish()?,
                4..7 => self.pin()?,
                7..9 => self.unpin()?,
                _ => self.publish_broken()?,
            }
            if self.models.len() > MODELS_MAX {
                self.retire_oldest()?;
            }
        }
        self.unpin()
    }

    fn publish(&mut self) -> Result<()> {
        let (name, bytes) = self.components[self.rng.usize(0..self.components.len())].clone();
        let id = self.next(name);
        // A config makes another model of the same bytes.
        self.world.publish(&id, bytes, |descriptor| descriptor.config = Some(id.version.clone().into_bytes()))?;
        self.models.push(id);
        Ok(())
    }

    /// Such a model is rejected, and must never answer.
    fn publish_broken(&mut self) -> Result<()> {
        let id = self.next("broken");
        self.world.publish(&id, b"\0asm, but not really".to_vec(), |_| ())?;
        Ok(())
    }

    fn next(&mut self, name: &str) -> ModelId {
        self.versions += 1;
        self.given += 1;
        model(name, self.versions)
    }

    fn pin(&mut self) -> Result<()> {
        let id = self.models[self.rng.usize(0..self.models.len())].clone();
        self.given += 1;
        self.world.pin(&id).map(drop)
    }

    fn unpin(&mut self) -> Result<()> {
        self.given += 1;
        self.world.deploy(Kind::Latest(Latest {})).map(drop)
    }

    fn retire_oldest(&mut self) -> Result<()> {
        let oldest = self.models.remove(0);
        self.given += 1;
        self.world.retire(&oldest).map(drop)
    }
}
