//! What is published on the control log meanwhile: new versions, pins, rollbacks, retirements, and models that cannot be compiled.

use std::sync::atomic::AtomicBool;

use anyhow::Result;
use fastrand::Rng;
use sandstream::types::ModelId;
use sandstream::types::proto::deployment::{Latest, strategy::Kind};

use super::mortal::wait;
use crate::kit::world::{World, component, model};

/// Milliseconds between two orders; to write one takes nearly half a second more, as a client connects for it.
const PAUSE_MS: std::ops::Range<u64> = 50..250;
/// Models that are there at a time; the oldest are retired.
const MODELS_MAX: usize = 5;

pub(super) struct Orders<'a> {
    world: &'a World,
    rng: Rng,
    components: [(&'static str, Vec<u8>); 2],
    /// Announced and not retired, oldest first.
    models: Vec<ModelId>,
    /// The one that answers whatever is published, if one does.
    pinned: Option<ModelId>,
    versions: u32,
    /// How many were given.
    pub(super) given: u64,
}

impl<'a> Orders<'a> {
    /// Publishes the first model, so that there is something to start with.
    pub(super) fn new(world: &'a World, seed: u64) -> Result<Self> {
        let components = [("linear", component("wine-linear")?), ("forest", component("wine-forest")?)];
        let (rng, models) = (Rng::with_seed(seed), Vec::new());
        let mut orders = Self { world, rng, components, models, pinned: None, versions: 0, given: 0 };
        orders.publish()?;
        Ok(orders)
    }

    /// Gives orders until `stop` is set, and leaves the latest model to answer.
    pub(super) fn give(&mut self, stop: &AtomicBool) -> Result<()> {
        while !wait(self.rng.u64(PAUSE_MS), stop) {
            match (self.rng.u32(0..10), self.pinned.is_some()) {
                (0, _) => self.publish_broken()?,
                (1..3, true) | (1..6, false) => self.publish()?,
                (3..6, true) | (6.., false) => self.pin()?,
                (6.., true) => self.unpin()?,
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
        self.world.publish(&id, b"\0asm\x0d\0\x01\0, but not really".to_vec(), |_| ())?;
        Ok(())
    }

    fn next(&mut self, name: &str) -> ModelId {
        self.versions += 1;
        self.given += 1;
        model(name, self.versions)
    }

    fn pin(&mut self) -> Result<()> {
        // Another one than answers now, so that it is a swap.
        let answers = self.pinned.as_ref().or(self.models.last()).cloned();
        let others: Vec<&ModelId> = self.models.iter().filter(|id| Some(*id) != answers.as_ref()).collect();
        // Mostly the one before, as a rollback does.
        let at = if self.rng.u32(0..4) > 0 { others.len().saturating_sub(1) } else { self.rng.usize(0..others.len().max(1)) };
        let Some(id) = others.get(at) else { return Ok(()) };
        self.given += 1;
        self.world.pin(id)?;
        self.pinned = Some((*id).clone());
        Ok(())
    }

    fn unpin(&mut self) -> Result<()> {
        self.given += 1;
        self.pinned = None;
        self.world.deploy(Kind::Latest(Latest {})).map(drop)
    }

    fn retire_oldest(&mut self) -> Result<()> {
        let oldest = self.models.remove(0);
        self.given += 1;
        // The latest answers again when what is pinned is retired.
        self.pinned = self.pinned.take().filter(|pinned| *pinned != oldest);
        self.world.retire(&oldest).map(drop)
    }
}
