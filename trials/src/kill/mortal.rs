//! A host that is killed and started again, or stopped for so long that the others take it for dead.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use fastrand::Rng;
use rustix::process::Signal;

use crate::kit::hosts::{Host, Settings};
use crate::kit::world::World;

/// How long it lives the first time, and later, milliseconds.
const FIRST_LIFE_MS: std::ops::Range<u64> = 500..4000;
const LIFE_MS: std::ops::Range<u64> = 4_000..16_000;
/// How long it stays dead.
const DEATH_MS: std::ops::Range<u64> = 0..1500;
/// One start in so many is not waited for.
const STILLBORN: u32 = 5;
/// Where hosts are stopped too: one life in so many is not ended but interrupted.
const STOPPED: u32 = 3;

pub(super) struct Mortal<'a> {
    world: &'a World,
    settings: Settings,
    folder: &'a Path,
    rng: Rng,
    /// A member that is silent for so long is taken for dead, milliseconds.
    session_ms: u32,
    /// Whether it is stopped too.
    stops: bool,
    suffered: Suffered,
}

/// What a host has been through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suffered {
    pub(super) kills: u64,
    pub(super) stops: u64,
}

impl<'a> Mortal<'a> {
    pub(super) fn new(world: &'a World, settings: Settings, folder: &'a Path, seed: u64) -> Self {
        let rng = Rng::with_seed(seed);
        Self { world, settings, folder, rng, session_ms: 0, stops: false, suffered: Suffered::default() }
    }

    /// Has it stopped too, for longer than a member of a group may be silent.
    pub(super) fn stopped(mut self, session_ms: u32) -> Self {
        (self.stops, self.session_ms) = (true, session_ms);
        self
    }

    /// Starts and kills it until `stop` is set; returns it alive, and what it has been through.
    pub(super) fn live(mut self, stop: &AtomicBool) -> Result<(Host, Suffered)> {
        loop {
            if self.suffered.kills > 0 && self.rng.u32(0..STILLBORN) == 0 && !stop.load(Ordering::Relaxed) {
                let (process, _) = Host::spawn(self.world, &self.settings, self.folder)?;
                wait(self.rng.u64(0..1500), stop);
                process.kill()?;
                self.suffered.kills += 1;
                continue;
            }
            let mut host = Host::start(self.world, &self.settings, self.folder)?;
            let life = if self.suffered.kills == 0 { FIRST_LIFE_MS } else { LIFE_MS };
            if wait(self.rng.u64(life.clone()), stop) {
                return Ok((host, self.suffered));
            }
            while self.stops && self.rng.u32(0..STOPPED) == 0 {
                self.interrupt(&host, stop)?;
                if wait(self.rng.u64(life.clone()), stop) {
                    return Ok((host, self.suffered));
                }
            }
            let ended = host.process.ended()?;
            ensure!(ended.is_none(), "the host `{}` ended by itself: {ended:?}", self.settings.instance);
            host.process.kill()?;
            self.suffered.kills += 1;
            wait(self.rng.u64(DEATH_MS), stop);
        }
    }

    /// Stops it until it is taken for dead, and lets it go on: it must not harm whoever has its partitions now.
    fn interrupt(&mut self, host: &Host, stop: &AtomicBool) -> Result<()> {
        let session = u64::from(self.session_ms);
        host.process.signal(Signal::STOP)?;
        wait(self.rng.u64(session * 5 / 4..session * 5 / 2), stop);
        host.process.signal(Signal::CONT)?;
        self.suffered.stops += 1;
        Ok(())
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
