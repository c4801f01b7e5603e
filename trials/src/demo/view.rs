//! What a consumer of the results sees while the demo runs: a line a second, and at the end the gaps around each switch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow, bail};
use hdrhistogram::Histogram;
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;
use serde::Serialize;

use crate::kit::answers::{Isolation, Reader, ScoringResult};
use crate::kit::world::World;

/// How near to a switch a gap counts as its own.
const NEAR: Duration = Duration::from_millis(250);
/// An hour: nothing that waits longer is told apart.
const LATENCY_MAX_US: u64 = 3_600_000_000;
/// Not known yet.
const OPEN: u64 = u64::MAX;

/// Another model answered.
#[derive(Debug, Serialize)]
pub(super) struct Switch {
    pub(super) from: String,
    pub(super) to: String,
    /// The longest time without a result near the switch, milliseconds.
    pub(super) gap_ms: f64,
    /// What 99.9 % of the times between two arrivals elsewhere stay below, milliseconds. Results arrive when a transaction is
    /// committed, so this is about the commit interval.
    pub(super) control_p999_ms: f64,
    #[serde(skip)]
    at: Instant,
}

/// What came.
pub(super) struct Seen {
    pub(super) switches: Vec<Switch>,
    pub(super) by_model: BTreeMap<String, u64>,
}

/// A running view.
pub(super) struct View {
    /// Results to wait for.
    wanted: Arc<AtomicU64>,
    thread: JoinHandle<Result<Seen>>,
}

impl View {
    /// Waits for `wanted` results, and for what was seen on the way.
    pub(super) fn finish(self, wanted: u64, patience: Duration) -> Result<Seen> {
        self.wanted.store(wanted, Ordering::Relaxed);
        let until = Instant::now() + patience;
        while !self.thread.is_finished() {
            if Instant::now() > until {
                bail!("the last of {wanted} records were not answered within {patience:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.thread.join().map_err(|_| anyhow!("the view panicked"))?
    }
}

/// Starts a consumer of committed results.
pub(super) fn start(world: &World) -> Result<View> {
    let reader = Reader::open(&world.brokers, &world.scores(), world.partitions, Isolation::Committed)?;
    let wanted = Arc::new(AtomicU64::new(OPEN));
    let told = Arc::clone(&wanted);
    let thread = std::thread::Builder::new().name("view".to_owned()).spawn(move || watch(&reader, &told))?;
    Ok(View { wanted, thread })
}

fn watch(reader: &Reader, wanted: &AtomicU64) -> Result<Seen> {
    let mut watcher = Watcher::new()?;
    let mut next_line = Instant::now() + Duration::from_secs(1);
    while watcher.results < wanted.load(Ordering::Relaxed) {
        if let Some(message) = reader.next(Duration::from_millis(20))? {
            watcher.take(&message)?;
        }
        if Instant::now() >= next_line {
            watcher.line();
            next_line += Duration::from_secs(1);
        }
    }
    Ok(watcher.finish())
}

struct Watcher {
    began: Instant,
    results: u64,
    by_model: BTreeMap<String, u64>,
    /// Who answered last, by partition.
    current: HashMap<i32, String>,
    switches: Vec<Switch>,
    last: Option<Instant>,
    /// Times between two arrivals of a millisecond or more.
    gaps: Vec<(Instant, Duration)>,
    /// Of the second that is under way.
    latency_us: Histogram<u64>,
    second: BTreeMap<String, u64>,
}

impl Watcher {
    fn new() -> Result<Self> {
        Ok(Self {
            began: Instant::now(),
            results: 0,
            by_model: BTreeMap::new(),
            current: HashMap::new(),
            switches: Vec::new(),
            last: None,
            gaps: Vec::new(),
            latency_us: Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?,
            second: BTreeMap::new(),
        })
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<()> {
        let now = Instant::now();
        let result = ScoringResult::read(message)?;
        let model = format!("{}@{}", result.model, result.version);
        self.results += 1;
        if let Some(last) = self.last.replace(now)
            && now - last >= Duration::from_millis(1)
        {
            self.gaps.push((now, now - last));
        }
        if let Some(due) = due(message)
            && let Ok(late) = SystemTime::now().duration_since(due)
        {
            self.latency_us.saturating_record(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
        }
        let before = self.current.insert(message.partition(), model.clone());
        if let Some(from) = before.filter(|before| *before != model)
            && self.switches.last().is_none_or(|switch| switch.to != model)
        {
            self.switches.push(Switch { from, to: model.clone(), gap_ms: 0.0, control_p999_ms: 0.0, at: now });
        }
        *self.second.entry(model.clone()).or_default() += 1;
        *self.by_model.entry(model).or_default() += 1;
        Ok(())
    }

    fn line(&mut self) {
        let ms = |quantile| self.latency_us.value_at_quantile(quantile) as f64 / 1000.0;
        let models: Vec<String> = self.second.iter().map(|(model, results)| format!("{model} {results}")).collect();
        println!(
            "{:>4} s  {:>7} results  p50 {:>6.1} ms  p99 {:>6.1} ms  {}",
            self.began.elapsed().as_secs(),
            self.results,
            ms(0.5),
            ms(0.99),
            if models.is_empty() { "no model yet: records wait".to_owned() } else { models.join(", ") }
        );
        self.latency_us.reset();
        self.second.clear();
    }

    fn finish(mut self) -> Seen {
        let near = |switch: &Switch, at: Instant| at + NEAR >= switch.at && at <= switch.at + NEAR;
        let mut elsewhere: Vec<Duration> =
            self.gaps.iter().filter(|(at, _)| !self.switches.iter().any(|s| near(s, *at))).map(|(_, gap)| *gap).collect();
        elsewhere.sort_unstable();
        let p999 = elsewhere.get(elsewhere.len().saturating_sub(1) * 999 / 1000).copied().unwrap_or_default();
        for switch in &mut self.switches {
            let longest = self.gaps.iter().filter(|(at, _)| near(switch, *at)).map(|(_, gap)| *gap).max();
            switch.gap_ms = longest.unwrap_or_default().as_secs_f64() * 1000.0;
            switch.control_p999_ms = p999.as_secs_f64() * 1000.0;
        }
        Seen { switches: self.switches, by_model: self.by_model }
    }
}

/// When a record was due, which is what the load writes into its key.
fn due(message: &BorrowedMessage<'_>) -> Option<SystemTime> {
    let micros: u64 = std::str::from_utf8(message.key()?).ok()?.parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros))
}
