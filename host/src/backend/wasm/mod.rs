//! Models as WebAssembly components, each in a sandbox of its own. One engine and one pool of instances per process; a component
//! is compiled once, in a child process, and its machine code is kept.

mod bindings;
mod cache;
mod code;
mod compile;
mod convert;
mod deadline;
mod engine;
mod fault;
mod guest;
mod imports;
mod inference;
mod limiter;
mod log;
mod model;
mod opened;
mod session;
mod ticker;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::Engine;

pub use super::child::Compiler;
pub(in crate::backend) use deadline::after;
pub use imports::{imports, is_offered};
pub(in crate::backend) use log::clean;
pub use worker::compile_worker_main;

use super::{Backend, Backends, Model, Payload, Rejected};
use crate::types::Limits;
use cache::Cache;
use model::{Nested, WasmModel};
use ticker::Ticker;

/// What the host as a whole gives to WASM models.
#[derive(Debug, Clone)]
pub struct Config {
    /// Sessions with one memory each that may live at a time; a component with more memories counts once for each.
    pub sessions_max: u32,
    /// The most linear memory that a grant may give to a model, bytes; at most 4 GiB.
    pub memory_max: u64,
    /// The most table elements that a grant may give to a model.
    pub table_elements_max: u64,
    /// The most core instances that a grant may give to a model.
    pub instances_max: u32,
    /// Stack of a call, bytes.
    pub stack_bytes: usize,
    /// Where components are compiled.
    pub compiler: Compiler,
    /// Where machine code is kept; `None` compiles every time.
    pub cache: Option<CacheConfig>,
}

/// A folder for machine code. Whoever can write there can run code in the host: it belongs to the host's user alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheConfig {
    /// The folder; it is made when it is not there, readable by its owner only.
    pub folder: PathBuf,
    /// Bytes it may hold; what was not used for longest goes first.
    pub bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sessions_max: 256,
            memory_max: 1 << 30,
            table_elements_max: 100_000,
            instances_max: 64,
            stack_bytes: 512 << 10,
            compiler: Compiler::this_program(),
            cache: None,
        }
    }
}

/// Why there is no WASM backend.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot be.
    #[error("wasm: {0}")]
    Config(String),
    /// The engine or its pool of instances cannot be made.
    #[error("wasm: cannot make a pool of {sessions_max} sessions of up to {memory_max} bytes: {reason}")]
    Pool {
        /// As configured.
        sessions_max: u32,
        /// As configured.
        memory_max: u64,
        /// What the engine says.
        reason: String,
    },
    /// The cache folder cannot be used.
    #[error("wasm: cannot use the cache folder {}: {reason}; its owner must be the host's user", folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// No thread for the clock.
    #[error("wasm: cannot start the epoch ticker: {0}")]
    Ticker(std::io::Error),
}

/// The backend.
pub struct Wasm {
    host: Arc<Host>,
}

/// What all models share.
struct Host {
    config: Config,
    engine: Engine,
    linker: wasmtime::component::Linker<guest::Guest>,
    ticker: Ticker,
    cache: Option<Cache>,
    /// What runs the models of other kinds that a component opens.
    others: Backends,
}

impl Wasm {
    /// Makes the engine and reserves its pool.
    ///
    /// # Errors
    /// The pool cannot be reserved (nothing smaller is tried: a host that quietly holds fewer models than it was told to would
    /// fail later and elsewhere), or the cache folder cannot be used.
    pub fn new(config: Config) -> Result<Self, Error> {
        Self::beside(config, Backends::new())
    }

    /// The same, with backends for the models of other kinds that components open through `inference`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn beside(config: Config, others: Backends) -> Result<Self, Error> {
        let engine = engine::host(&config)?;
        let linker = guest::linker(&engine).map_err(|e| Error::Config(format!("the imports cannot be linked: {e:#}")))?;
        let cache = config.cache.as_ref().map(|cache| Cache::open(cache, engine::fingerprint(&engine))).transpose()?;
        let ticker = Ticker::start(&engine).map_err(Error::Ticker)?;
        Ok(Self { host: Arc::new(Host { config, engine, linker, ticker, cache, others }) })
    }
}

impl Backend for Wasm {
    fn load(&self, what: &Payload, limits: &Limits) -> Result<Arc<dyn Model>, Rejected> {
        Ok(Arc::new(WasmModel::load(&self.host, what, limits, Nested::No)?))
    }
}
