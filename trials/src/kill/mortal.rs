//! A host that is killed and started again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fastrand::Rng;

use crate::kit::hosts::{Host, Settings};
use crate::kit::world::World;

/// How long it lives the first time, and later, milliseconds.
const FIRST_LIFE_MS: std::ops::Range<u64> = 500..4000;
const LIFE_MS: std::ops::Range<u64> = 4_000..16_000;
/// How long it stays dead.
const DEATH_MS: std::ops::Range<u64> = 0..1500;
/// One start in so many is not waited for.
const STILLBORN: u32 = 5;

pub(super) struct Mortal<'a> {
    world: &'a World,
    settings: Settings,
    folder: &'a Path,
    rng: Rng,
    kills: u64,
}

impl<'a> Mortal<'a> {
    pub(super) fn new(world: &'a World, settings: Settings, folder: &'a Path, seed: u64) -> Self {
        Self { world, settings, folder, rng: Rng::with_seed(seed), kills: 0 }
    }

    /// Starts and kills it until `stop` is set; returns it alive, and how often it was killed.
    pub(super) fn live(mut self, stop: &AtomicBool) -> Result<(Host, u64)> {
        loop {
            if self.kills > 0 && self.rng.u32(0..STILLBORN) == 0 && !stop.load(Ordering::Relaxed) {
                let (process, _) = Host::spawn(self.world, &self.settings, self.folder)?;
                wait(self.rng.u64(0..1500), stop);
                process.kill()?;
                self.kills += 1;
                continue;
            }
            let mut host = Host::start(self.world, &self.settings, self.folder)?;
            let life = if self.kills == 0 { FIRST_LIFE_MS } else { LIFE_MS };
            if wait(self.rng.u64(life), stop) {
                return Ok((host, self.kills));
            }
            let ended = host.process.ended()?;
            ensure!(ended.is_none(), "the host `{}` ended by itself: {ended:?}", self.settings.instance);
            host.process.kill()?;
            self.kills += 1;
            wait(self.rng.u64(DEATH_MS), stop);
        }
    }
}

/// Waits so long, or until `stop` is set; whether it is.
pub(super) fn wait(ms: u64, stop: &AtomicBool) -> bool {
    let until = Instant::now() + Duration::from_millis(ms);
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(10));
    }
    stop.load(Ordering::Relaxed)
}
