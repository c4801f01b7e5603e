//! A broker that speaks Kafka's protocol, on loopback, **for development**: for demos, for tests, for the first minutes with sandstream
//! without a Kafka. It is one process that trusts whoever reaches it, keeps one copy, and is never what a stream in production runs on.
//!
//! What is there is what clients of Apache Kafka find there: transactions that fence and hide, consumer groups of both protocols,
//! compaction and retention. Its conformance suite runs on Apache Kafka too, and the answers have to be the same.
//!
//! ```no_run
//! let broker = sandstream_devbroker::Broker::start(sandstream_devbroker::Options::default())?;
//! println!("bootstrap.servers={}", broker.address());
//! # Ok::<(), sandstream_devbroker::Error>(())
//! ```
//!
//! # What survives
//! Without a folder nothing does. With one, everything that was acknowledged survives the end of the process, kill -9 included, because
//! it is written to files before; that it also survives the end of the machine is what [`Sync::Always`] is for, which pushes files and
//! the names of files to the disk.
//!
//! # What is bounded
//! Connections, the bytes of a request, and the room that is made for what a request announces: no array has more elements than bytes
//! follow. A request with records of 100 MiB may still ask for some gigabytes of addresses that are never used; no other takes more
//! than 8 MiB. A compressed batch may become 512 MiB where the broker has to look into it.

mod api;
mod config;
mod durable;
mod fault;
mod group;
mod housekeeping;
mod journal;
mod log;
mod server;
mod state;
mod transaction;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, io};

pub use kafka_protocol::messages::ApiKey as Api;

pub use config::Wrong;
pub use fault::{Fault, Faults};
pub use log::segment::Sync;
use state::State;

/// How often groups and transactions are looked after.
const TICK: Duration = Duration::from_millis(50);
/// How long the end of a broker waits for requests that are being carried out.
const ENDING_MAX: Duration = Duration::from_secs(60);

/// What a broker is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; loopback only. Port 0: any that is free.
    pub listen: SocketAddr,
    /// Folder that keeps everything; `None`: memory does, until the end.
    pub data: Option<PathBuf>,
    /// When what was written to the folder is pushed to the disk.
    pub sync: Sync,
    /// Settings of the broker, as Apache Kafka names them.
    pub settings: BTreeMap<String, String>,
    /// Bytes of records kept in memory, all topics together; over that, nothing is taken in.
    pub memory_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            data: None,
            sync: Sync::Never,
            settings: BTreeMap::new(),
            memory_max: 4 << 30,
        }
    }
}

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It would be reached from elsewhere.
    #[error("{0} is not loopback: this broker is for development and trusts whoever reaches it; listen on 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {error}; is another broker running there? choose another port")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// A setting there is not, or a value it cannot have.
    #[error(transparent)]
    Setting(#[from] Wrong),
    /// The folder cannot be used.
    #[error("{}: {error}", folder.display())]
    Data {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Another broker uses the folder.
    #[error("{}: another broker is using this folder", .0.display())]
    InUse(PathBuf),
    /// A topic that cannot be made.
    #[error("topic {name:?}: {why}")]
    Topic {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// There is no thread for it.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A broker that runs until it is dropped.
#[derive(Debug)]
pub struct Broker {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

impl Broker {
    /// Starts a broker; it answers when this returns.
    ///
    /// # Errors
    /// The address, the folder or a setting cannot be used.
    pub fn start(options: Options) -> Result<Self, Error> {
        if !options.listen.ip().is_loopback() {
            return Err(Error::NotLoopback(options.listen));
        }
        let settings = config::Broker::new(options.settings, options.data.is_none())?;
        let (state, lock) = match options.data {
            None => (State::in_memory(settings), None),
            Some(folder) => {
                let lock = lock(&folder, options.sync)?;
                let state = State::in_folder(settings, folder.clone(), options.sync);
                (state.map_err(|error| Error::Data { folder, error })?, Some(lock))
            }
        };
        let unheard = |error| Error::Listen { address: options.listen, error };
        let listener = TcpListener::bind(options.listen).map_err(unheard)?;
        let address = listener.local_addr().map_err(unheard)?;
        let shared = Arc::new(Shared::new(address, state, lock, options.memory_max));
        let mut broker = Self { shared: Arc::clone(&shared), address, threads: Vec::new() };
        let for_listener = Arc::clone(&shared);
        broker.spawn("listener", move || server::listen(&listener, &for_listener))?;
        let for_compaction = Arc::clone(&shared);
        broker.spawn("compaction", move || housekeeping::compact(&for_compaction))?;
        broker.spawn("housekeeping", move || housekeeping::run(&shared))?;
        Ok(broker)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let thread = thread::Builder::new().name(format!("broker-{name}")).spawn(run).map_err(Error::Thread)?;
        self.threads.push(thread);
        Ok(())
    }

    /// Where it listens, as a client's `bootstrap.servers`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Makes a topic, unless there is one of its name.
    ///
    /// # Errors
    /// The name or the number of partitions cannot be.
    pub fn ensure_topic(&self, name: &str, partitions: i32) -> Result<(), Error> {
        let mut state = self.shared.state();
        if state.topics.contains_key(name) {
            return Ok(());
        }
        let made = state.create_topic(name, partitions, config::Values::new(), false);
        made.map_err(|refused| Error::Topic { name: name.to_owned(), why: refused.why })
    }

    /// Faults to order.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.shared.close();
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        // Nobody else may use the folder before the last request is through.
        if self.shared.await_connections(ENDING_MAX) {
            self.shared.unlock_folder();
        } else {
            tracing::error!(?ENDING_MAX, "requests are still being carried out; the folder stays locked until they are");
        }
    }
}

fn lock(folder: &Path, sync: Sync) -> Result<File, Error> {
    let unusable = |error| Error::Data { folder: folder.to_path_buf(), error };
    durable::folder(folder, sync).map_err(unusable)?;
    let file = File::options().write(true).create(true).truncate(false).open(folder.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(Error::InUse(folder.to_path_buf())),
        Err(fs::TryLockError::Error(error)) => Err(unusable(error)),
    }
}

/// What all threads of a broker share.
#[derive(Debug)]
pub(crate) struct Shared {
    host: String,
    port: u16,
    state: Mutex<State>,
    /// Something can be read that could not be read before.
    records: Condvar,
    /// A group changed.
    groups: Condvar,
    closing: AtomicBool,
    connections: Mutex<Connections>,
    /// A connection ended.
    ended: Condvar,
    /// Held as long as the folder is used.
    lock: Mutex<Option<File>>,
    memory_max: u64,
    pub(crate) faults: Faults,
}

/// The connections there are, to end them when the broker closes.
#[derive(Debug, Default)]
struct Connections {
    open: BTreeMap<u64, TcpStream>,
    next: u64,
}

/// A connection that is counted, and ended when the broker closes.
pub(crate) struct Registered {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shared.connections().open.remove(&self.number);
        self.shared.ended.notify_all();
    }
}

impl Shared {
    fn new(address: SocketAddr, state: State, lock: Option<File>, memory_max: u64) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
            state: Mutex::new(state),
            records: Condvar::new(),
            groups: Condvar::new(),
            closing: AtomicBool::new(false),
            connections: Mutex::default(),
            ended: Condvar::new(),
            lock: Mutex::new(lock),
            memory_max,
            faults: Faults::default(),
        }
    }

    /// The state. Whoever stumbled while holding it has left it between two requests at worst.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> i32 {
        i32::from(self.port)
    }

    pub(crate) fn records_changed(&self) {
        self.records.notify_all();
    }

    pub(crate) fn groups_changed(&self) {
        self.groups.notify_all();
    }

    pub(crate) fn wait_for_records<'a>(&self, state: MutexGuard<'a, State>, until: Instant) -> MutexGuard<'a, State> {
        let wait = until.saturating_duration_since(Instant::now());
        self.records.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn wait_for_groups<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.groups.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection in; `None` when there are `max`, or the broker closes.
    fn register(self: &Arc<Self>, stream: &TcpStream, max: usize) -> io::Result<Option<Registered>> {
        let mut connections = self.connections();
        // Asked under the lock: who comes after `close` went through the connections must not be let in.
        if self.is_closing() || connections.open.len() >= max {
            return Ok(None);
        }
        let number = connections.next;
        connections.next += 1;
        connections.open.insert(number, stream.try_clone()?);
        Ok(Some(Registered { shared: Arc::clone(self), number }))
    }

    fn close(&self) {
        self.closing.store(true, Ordering::Release);
        // Whoever has looked at `closing` before waits by now, and is woken.
        drop(self.state());
        self.records_changed();
        self.groups_changed();
        for stream in self.connections().open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits until all connections have ended; whether they have.
    fn await_connections(&self, patience: Duration) -> bool {
        let waited = self.ended.wait_timeout_while(self.connections(), patience, |connections| !connections.open.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.open.is_empty()
    }

    fn unlock_folder(&self) {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits, but no longer than until the broker closes; the thread has nothing else to do.
    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero() && !self.is_closing()) {
            thread::park_timeout(left.min(TICK));
        }
    }
}
