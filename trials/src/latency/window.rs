//! One window: a program, a load at a steady rate, and a consumer that notes when each result is there.

use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, anyhow, ensure};
use hdrhistogram::Histogram;
use rdkafka::Message as _;

use super::mode::Mode;
use crate::kit::copier;
use crate::kit::hosts::{Host, Settings};
use crate::kit::process::Running;
use crate::kit::world::{Format, World, component, model, wines};
use sandstream_traffic::Load;
use sandstream_traffic::{Isolation, Reader};

/// As the comparison with other programs has it.
pub(super) const PARTITIONS: i32 = 4;
/// How long the last results may take to come, and a program to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The histogram's range: 1 us to 2 minutes, to three digits.
const LATENCY_MAX_US: u64 = 120_000_000;

/// A load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) rate: u32,
    pub(super) warm: Duration,
    pub(super) counted: Duration,
}

impl Pace {
    fn records(self) -> u64 {
        u64::from(self.rate) * (self.warm + self.counted).as_secs()
    }
}

/// Whose window it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Program {
    Host(Mode),
    PassThrough { mode: Mode, bytes: usize },
}

/// What a window showed, latencies in microseconds.
pub(super) struct Window {
    latencies: Histogram<u64>,
    /// Length of a result.
    pub(super) result_bytes: usize,
}

impl Window {
    /// A quantile in milliseconds.
    pub(super) fn ms(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1000.0
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} / {:.1} / {:.1} ms (p50, p99, p99.9)", self.ms(0.5), self.ms(0.99), self.ms(0.999))
    }
}

/// Runs a program under load in topics of its own.
pub(super) fn window(brokers: &str, program: Program, pace: Pace, folder: &Path) -> Result<Window> {
    let world = World::create(brokers, "latency", PARTITIONS)?;
    let process = start(&world, program, folder)?;
    let reader = Reader::open(brokers, &world.scores(), PARTITIONS, Isolation::Committed)?;
    // The reader's first fetch belongs to nobody's latency.
    let _ = reader.next(Duration::from_millis(500))?;
    let counted_from = SystemTime::now() + pace.warm;
    let reading = thread::spawn(move || read(&reader, counted_from, pace.records()));
    Load::new(&world.traffic(), wines(Format::Json))?.pace(pace.rate, pace.records(), &AtomicBool::new(false))?;
    let window = reading.join().map_err(|_| anyhow!("the reader panicked"))??;
    process.terminate(PATIENCE)?;
    world.end()?;
    Ok(window)
}

fn start(world: &World, program: Program, folder: &Path) -> Result<Running> {
    match program {
        Program::Host(mode) => {
            world.publish(&model("wine-linear", 1), component("wine-linear")?, |_| {})?;
            let mut settings = Settings::new(Format::Json);
            mode.stream().clone_into(&mut settings.stream);
            Ok(Host::start(world, &settings, folder)?.process)
        }
        Program::PassThrough { mode, bytes } => copier::start(world, &world.name, &world.scores(), mode.how(bytes)),
    }
}

/// Reads `records` results; those of records that were due before `counted_from` do not count.
fn read(reader: &Reader, counted_from: SystemTime, records: u64) -> Result<Window> {
    let mut window = Window { latencies: Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?, result_bytes: 0 };
    let mut last = Instant::now();
    let mut seen = 0;
    while seen < records {
        let Some(message) = reader.next(Duration::from_millis(100))? else {
            ensure!(last.elapsed() < PATIENCE, "no result came for {PATIENCE:?}, after {seen} of {records}");
            continue;
        };
        let (now, key) = (SystemTime::now(), message.key().context("a result without a key")?);
        let due = SystemTime::UNIX_EPOCH + Duration::from_micros(std::str::from_utf8(key)?.parse()?);
        if due >= counted_from {
            let latency = now.duration_since(due).unwrap_or_default().as_micros();
            window.latencies.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX).max(1));
        }
        window.result_bytes = window.result_bytes.max(message.payload().map_or(0, <[u8]>::len));
        (seen, last) = (seen + 1, Instant::now());
    }
    Ok(window)
}
