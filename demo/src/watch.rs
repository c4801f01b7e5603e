//! What a consumer of the results sees.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow, bail};
use hdrhistogram::Histogram;
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;
use sandstream_traffic::{Isolation, Reader, ScoringResult, Topics};

use crate::Options;
use crate::board::{Board, Seen, Switch};

/// How near to a switch a gap counts as its own.
const NEAR: Duration = Duration::from_millis(250);
/// An hour: nothing that waits longer is told apart.
const LATENCY_MAX_US: u64 = 3_600_000_000;
/// Shorter times between two arrivals are no gaps.
const GAP_MIN: Duration = Duration::from_millis(1);

/// Readers of results and of dead letters.
pub(crate) struct Watch {
    board: Arc<Board>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Watch {
    pub(crate) fn start(topics: &Topics, options: &Options, board: &Arc<Board>) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let open = |topic: &str| Reader::open(&topics.brokers, topic, topics.partitions, Isolation::Committed);
        let (results, letters) = (open(&topics.scores)?, open(&topics.dead_letters)?);
        let (to, told, process) = (Arc::clone(board), Arc::clone(&stop), options.began);
        let watch = move || watch(&results, &told, &to, process);
        let mut threads = vec![thread::Builder::new().name("results".to_owned()).spawn(watch)?];
        let (to, told) = (Arc::clone(board), Arc::clone(&stop));
        let count = move || {
            while !told.load(Ordering::Relaxed) {
                if letters.next(Duration::from_millis(50))?.is_some() {
                    to.change().dead_letters += 1;
                }
            }
            Ok(())
        };
        threads.push(thread::Builder::new().name("letters".to_owned()).spawn(count)?);
        Ok(Self { board: Arc::clone(board), stop, threads })
    }

    /// Waits until every record that was sent has an answer.
    pub(crate) fn finish(self, patience: Duration) -> Result<()> {
        let until = Instant::now() + patience;
        loop {
            let (sent, answered) = {
                let seen = self.board.change();
                (seen.sent.unwrap_or_default(), seen.results + seen.dead_letters)
            };
            if answered >= sent {
                break;
            }
            if Instant::now() > until || self.threads.iter().any(JoinHandle::is_finished) {
                self.end()?;
                bail!("{answered} of {sent} records were answered within {patience:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.end()
    }

    fn end(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = |thread: JoinHandle<Result<()>>| thread.join().map_err(|_| anyhow!("the watch panicked"))?;
        self.threads.into_iter().try_for_each(ended)
    }
}

fn watch(reader: &Reader, stop: &AtomicBool, board: &Board, process: Instant) -> Result<()> {
    let mut watcher = Watcher::new(process)?;
    let mut tick = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if let Some(message) = reader.next(Duration::from_millis(20))? {
            watcher.take(&message)?;
        }
        // What is shown is written now and then, not with every record.
        if tick.elapsed() >= Duration::from_millis(50) {
            tick = Instant::now();
            watcher.tell(&mut board.change());
        }
    }
    watcher.finish(&mut board.change());
    Ok(())
}

struct Watcher {
    process: Instant,
    first: Option<Duration>,
    results: u64,
    by_model: BTreeMap<String, u64>,
    /// Who answered last, by partition.
    answering: BTreeMap<i32, String>,
    switches: Vec<(Instant, Switch)>,
    last: Option<Instant>,
    /// Times between two arrivals.
    gaps: Vec<(Instant, Duration)>,
    /// Of the second that is under way.
    latency_us: Histogram<u64>,
    second: BTreeMap<String, u64>,
    second_ends: Instant,
}

impl Watcher {
    fn new(process: Instant) -> Result<Self> {
        Ok(Self {
            process,
            first: None,
            results: 0,
            by_model: BTreeMap::new(),
            answering: BTreeMap::new(),
            switches: Vec::new(),
            last: None,
            gaps: Vec::new(),
            latency_us: Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?,
            second: BTreeMap::new(),
            second_ends: Instant::now() + Duration::from_secs(1),
        })
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<()> {
        let now = Instant::now();
        let result = ScoringResult::read(message)?;
        let model = format!("{}@{}", result.model, result.version);
        self.results += 1;
        self.first.get_or_insert_with(|| now.duration_since(self.process));
        if let Some(last) = self.last.replace(now)
            && now - last >= GAP_MIN
        {
            self.gaps.push((now, now - last));
        }
        if let Some(due) = due(message)
            && let Ok(late) = SystemTime::now().duration_since(due)
        {
            self.latency_us.saturating_record(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
        }
        let before = self.answering.insert(message.partition(), model.clone());
        if let Some(from) = before.filter(|before| *before != model)
            && self.switches.last().is_none_or(|(_, switch)| switch.to != model)
        {
            let switch = Switch { from, to: model.clone(), gap_ms: 0.0, control_p999_ms: 0.0 };
            self.switches.push((now, switch));
        }
        *self.second.entry(model.clone()).or_default() += 1;
        *self.by_model.entry(model).or_default() += 1;
        Ok(())
    }

    fn tell(&mut self, seen: &mut Seen) {
        seen.results = self.results;
        seen.first_score_ms = self.first.map(|first| first.as_secs_f64() * 1000.0);
        seen.by_model.clone_from(&self.by_model);
        seen.answering.clone_from(&self.answering);
        self.measure_gaps();
        seen.switches = self.switches.iter().map(|(_, switch)| switch.clone()).collect();
        if Instant::now() >= self.second_ends {
            self.second_ends += Duration::from_secs(1);
            let ms = |quantile| self.latency_us.value_at_quantile(quantile) as f64 / 1000.0;
            (seen.p50_ms, seen.p99_ms) = (ms(0.5), ms(0.99));
            seen.second(self.second.values().sum());
            seen.by_model_now = std::mem::take(&mut self.second);
            self.latency_us.reset();
        }
    }

    fn finish(mut self, seen: &mut Seen) {
        self.tell(seen);
        let near = |at: Instant| self.switches.iter().any(|(switched, _)| is_near(*switched, at));
        let mut elsewhere: Vec<Duration> = self.gaps.iter().filter(|(at, _)| !near(*at)).map(|(_, gap)| *gap).collect();
        elsewhere.sort_unstable();
        let p999 = elsewhere.get(elsewhere.len().saturating_sub(1) * 999 / 1000).copied().unwrap_or_default();
        for switch in &mut seen.switches {
            switch.control_p999_ms = p999.as_secs_f64() * 1000.0;
        }
    }

    fn measure_gaps(&mut self) {
        for (switched, switch) in &mut self.switches {
            let from = self.gaps.partition_point(|(at, _)| *at + NEAR < *switched);
            let gaps = self.gaps[from..].iter().take_while(|(at, _)| *at <= *switched + NEAR);
            switch.gap_ms = gaps.map(|(_, gap)| gap.as_secs_f64() * 1000.0).fold(0.0, f64::max);
        }
    }
}

fn is_near(switched: Instant, at: Instant) -> bool {
    at + NEAR >= switched && at <= switched + NEAR
}

/// When a record was due, which is what the load writes into its key.
fn due(message: &BorrowedMessage<'_>) -> Option<SystemTime> {
    let micros: u64 = std::str::from_utf8(message.key()?).ok()?.parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros))
}
