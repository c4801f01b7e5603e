//! One lane's consumer and producers, joined: one transaction spans both.

use std::time::{Duration, Instant};

use super::super::{Delivery, Event, Link, LinkError, Offsets, Outgoing, Sink};
use super::admin::{Admin, Topic};
use super::config::{LinkConfig, ProducerSizes};
use super::consumer::Consumer;
use super::error::{Error, Failure};
use super::producer::Producer;
use crate::types::Batch;

/// Fenced twice within this, although the transactions were younger than their timeout: somebody else has the same name.
const NAMESAKE: Duration = Duration::from_secs(60);

/// What a batch and a record put around key, value and headers, generously.
const FRAMING: usize = 512;

/// The topics written to: outputs, then dead letters, then activations.
struct Sinks {
    names: Vec<String>,
    topics: Vec<Topic>,
    outputs: usize,
    dead_letters: usize,
}

impl Sinks {
    fn find(config: &LinkConfig) -> Result<Self, Error> {
        let names: Vec<String> =
            [&config.outputs, &config.dead_letters].into_iter().flatten().chain(&config.activations).cloned().collect();
        let found = Admin::connect(&config.kafka)?.topics(names.iter().chain(&config.inputs).map(String::as_str))?;
        let topic = |name: &String| {
            let missing = || Error::NoTopic { topic: name.clone(), brokers: config.kafka.brokers().to_owned() };
            found.get(name).cloned().ok_or_else(missing)
        };
        config.inputs.iter().try_for_each(|name| topic(name).map(|_| ()))?;
        let topics = names.iter().map(topic).collect::<Result<_, _>>()?;
        Ok(Self { names, topics, outputs: config.outputs.len(), dead_letters: config.dead_letters.len() })
    }

    fn index(&self, sink: Sink) -> Option<usize> {
        let at = match sink {
            Sink::Output(at) => Some(usize::from(at)).filter(|at| *at < self.outputs),
            Sink::DeadLetters(at) => Some(usize::from(at)).filter(|at| *at < self.dead_letters).map(|at| self.outputs + at),
            Sink::Activations => Some(self.outputs + self.dead_letters),
        };
        at.filter(|at| *at < self.names.len())
    }
}

/// A lane's connection to Kafka.
pub struct KafkaLink {
    config: LinkConfig,
    sinks: Sinks,
    consumer: Option<Consumer>,
    producers: Vec<Producer>,
    /// The producer whose transaction is open or comes next.
    turn: usize,
    fenced: Option<Instant>,
}

impl KafkaLink {
    /// Connects, ends what a predecessor of the same name left open, and joins the group.
    ///
    /// # Errors
    /// No answer, a topic that does not exist, a right that is missing.
    pub fn open(config: LinkConfig) -> Result<Self, Error> {
        let sinks = Sinks::find(&config)?;
        let mut link = Self { config, sinks, consumer: None, producers: Vec::new(), turn: 0, fenced: None };
        link.connect()?;
        Ok(link)
    }

    /// The largest record that a sink's topic takes, bytes of key, value and headers: what is larger is refused when it is sent.
    #[must_use]
    pub fn record_bytes_max(&self, sink: Sink) -> usize {
        self.sinks.index(sink).map_or(0, |at| self.sinks.topics[at].bytes_max().saturating_sub(FRAMING))
    }

    /// What is not there is made: producers first, so that no predecessor's transaction is open when offsets are read.
    fn connect(&mut self) -> Result<(), Error> {
        let config = &self.config;
        let exactly_once = config.delivery == Delivery::ExactlyOnce;
        let wanted = if exactly_once { usize::from(config.producers.clamp(1, 2)) } else { 1 };
        let timeout = config.kafka.transaction_timeout()?;
        let sizes = self.sizes(wanted);
        while self.producers.len() < wanted {
            let mut id = config.transactional_id();
            if !self.producers.is_empty() {
                id.push_str(".b");
            }
            let settings = config.kafka.producer(exactly_once.then_some(id.as_str()), config.profile, &sizes)?;
            self.producers.push(Producer::open(&settings, &self.sinks.names, timeout)?);
        }
        if self.consumer.is_none() {
            let settings = config.kafka.member(&config.group, config.profile, config.memory_bytes / 4);
            self.consumer = Some(Consumer::join(&settings, &config.inputs)?);
        }
        Ok(())
    }

    fn sizes(&self, producers: usize) -> ProducerSizes {
        let sizes = || self.sinks.topics.iter().map(Topic::bytes_max);
        let record_bytes = sizes().max().unwrap_or(super::admin::RECORD_BYTES);
        let batch_bytes = sizes().min().unwrap_or(record_bytes);
        ProducerSizes { record_bytes, batch_bytes, queue_bytes: self.config.memory_bytes / 2 / producers }
    }

    fn consumer(&mut self) -> Result<&mut Consumer, LinkError> {
        self.consumer.as_mut().ok_or_else(closed)
    }

    fn producer(&mut self) -> Result<&mut Producer, LinkError> {
        self.producers.get_mut(self.turn).ok_or_else(closed)
    }

    /// What a failure of the open transaction means for the lane.
    fn judge(&mut self, what: &str, failure: Failure) -> LinkError {
        if failure.unknown_member()
            && let Some(consumer) = &mut self.consumer
        {
            consumer.expel();
        }
        let outlived = self.producers.get(self.turn).and_then(|producer| Some(producer.age()? >= producer.timeout()));
        if failure.fenced() && outlived == Some(false) {
            let before = self.fenced.replace(Instant::now());
            if before.is_some_and(|before| before.elapsed() < NAMESAKE) {
                return LinkError::Namesake(format!(
                    "fenced twice within a minute as `{}`: another host runs as instance `{}` of group `{}`. Give each its own `instance`",
                    self.config.transactional_id(),
                    self.config.instance,
                    self.config.group
                ));
            }
        }
        failure.into_link_error(what)
    }

    fn commit_transaction(&mut self, next: &Offsets) -> Result<(), LinkError> {
        if next.is_empty() && self.producer()?.age().is_none() {
            return Ok(());
        }
        self.begin()?;
        self.drain()?;
        if !next.is_empty() {
            self.send_offsets(next)?;
        }
        let committed = self.producer()?.commit();
        committed.map_err(|failure| self.judge("commit", failure))?;
        self.turn = (self.turn + 1) % self.producers.len();
        Ok(())
    }

    fn send_offsets(&mut self, next: &Offsets) -> Result<(), LinkError> {
        let consumer = self.consumer()?;
        let Some(identity) = consumer.identity() else {
            consumer.expel();
            return Err(LinkError::Reopen("this lane is not a member of its group any more".into()));
        };
        let offsets = consumer.offsets(next.iter())?;
        let sent = self.producer()?.send_offsets(&identity, &offsets);
        sent.map_err(|failure| self.judge("offsets of the transaction", failure))
    }

    fn begin(&mut self) -> Result<(), LinkError> {
        let begun = self.producer()?.begin();
        begun.map_err(|failure| self.judge("begin of a transaction", failure))
    }

    fn drain(&mut self) -> Result<(), LinkError> {
        let producer = self.producer()?;
        let drained = producer.drain();
        // A client that died of something fails every record that it still had: what it died of says more.
        match (producer.fatal(), drained) {
            (Some(fatal), Err(_)) => Err(self.judge("produce", fatal)),
            (_, drained) => drained,
        }
    }
}

fn closed() -> LinkError {
    LinkError::Reopen("the link is closed".into())
}

impl Link for KafkaLink {
    fn fill(&mut self, batch: &mut Batch, until: Instant) -> Result<Event, LinkError> {
        self.consumer()?.fill(batch, until)
    }

    fn events(&mut self) -> Result<Option<Event>, LinkError> {
        self.consumer()?.events()
    }

    fn send(&mut self, out: Outgoing<'_>) -> Result<(), LinkError> {
        let Some(topic) = self.sinks.index(out.sink) else {
            return Err(LinkError::Fatal(format!("{:?}: the stream has no such topic", out.sink)));
        };
        self.begin()?;
        let producer = self.producer()?;
        let Err(refused) = producer.send(topic, &out) else { return Ok(()) };
        match producer.fatal() {
            Some(fatal) => Err(self.judge("produce", fatal)),
            None => Err(refused),
        }
    }

    fn commit(&mut self, next: &Offsets) -> Result<(), LinkError> {
        if self.config.delivery == Delivery::ExactlyOnce {
            self.commit_transaction(next)?;
        } else {
            self.drain()?;
            if !next.is_empty() {
                self.consumer()?.commit(next)?;
            }
        }
        self.consumer()?.committed(next);
        Ok(())
    }

    fn abort(&mut self) -> Result<(), LinkError> {
        let aborted = self.producer()?.abort();
        // Whatever the reason: a second try would be answered the same way, a new producer ends the transaction for certain.
        aborted.map_err(|failure| match self.judge("abort", failure) {
            LinkError::Abort(why) => LinkError::Reopen(why),
            other => other,
        })?;
        let consumer = self.consumer()?;
        if consumer.is_expelled() {
            return Err(LinkError::Reopen("the group took this lane for dead: its partitions are to be asked for again".into()));
        }
        consumer.rewind()
    }

    fn reopen(&mut self) -> Result<(), LinkError> {
        self.producers.clear();
        self.turn = 0;
        if let Some(consumer) = self.consumer.take_if(|consumer| consumer.is_expelled()) {
            consumer.close();
        }
        let kept = self.consumer.is_some();
        self.connect()?;
        if kept && let Err(error) = self.consumer()?.restart() {
            if let Some(consumer) = self.consumer.take() {
                consumer.close();
            }
            return Err(error);
        }
        Ok(())
    }

    fn release(&mut self) -> Result<(), LinkError> {
        self.consumer()?.release()
    }

    fn hold(&mut self, from: &Offsets) -> Result<(), LinkError> {
        self.consumer()?.hold(from)
    }

    fn resume(&mut self) -> Result<(), LinkError> {
        self.consumer()?.resume()
    }

    fn partitions(&self, sink: Sink) -> i32 {
        self.sinks.index(sink).map_or(0, |at| self.sinks.topics[at].partitions)
    }
}

impl Drop for KafkaLink {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.close();
        }
    }
}
