//! The library, opened once for the process: ONNX Runtime keeps one environment, and a library that was opened is not closed again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::CPU;
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use crate::run;

/// An open library.
#[derive(Clone)]
pub(in crate::onnx) struct Runtime {
    environment: Environment,
    name: Arc<str>,
}

/// What was opened, and from where. It is asked for when a model is loaded, never on a lane.
static OPEN: Mutex<Option<(PathBuf, Runtime)>> = Mutex::new(None);

/// The library that Microsoft builds reports to Microsoft from version 1.32 on: it starts a thread, keeps a database in the user's cache and
/// opens connections, before anyone can tell it not to. This variable is what keeps it from that, and only who starts the process can set it.
const QUIET: &str = "ORT_DISABLE_TELEMETRY";

impl Runtime {
    /// Opens the library, or gives what was opened before.
    pub(in crate::onnx) fn open(library: &Path) -> Result<Self, String> {
        if std::env::var_os(QUIET).is_none_or(|value| value != "1") {
            return Err(format!(
                "{QUIET}=1 is not in the environment, without which its library reports to Microsoft; start the program with it"
            ));
        }
        let path = library.canonicalize().map_err(|error| format!("its library {}: {error}", library.display()))?;
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, runtime)) = open.as_ref() {
            return if *known == path {
                Ok(runtime.clone())
            } else {
                Err(format!("this process uses the library {} already; one process uses one", known.display()))
            };
        }
        // The binding asserts what it expects of the library.
        let made = run::guarded(|| environment(&path));
        let environment = made.and_then(|made| made).map_err(|error| format!("its library {}: {error}", path.display()))?;
        let runtime = Self { environment, name: name(&path).into() };
        *open = Some((path, runtime.clone()));
        Ok(runtime)
    }

    /// `onnxruntime 1.32.0`.
    pub(in crate::onnx) fn name(&self) -> &str {
        &self.name
    }

    /// Reads a model: one thread, which is the caller's.
    pub(super) fn session(&self, model: &[u8]) -> Result<Session, String> {
        let made = || {
            options(&self.environment)
                .map_err(|error| error.to_string())?
                .commit_from_memory(model)
                .map_err(|error| error.to_string())
        };
        run::guarded(made).and_then(|made| made)
    }
}

fn environment(path: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(path).map_err(|error| error.to_string())?;
    let builder = builder.with_name("sandstream").with_telemetry(false);
    let environment = builder.build().map_err(|error| error.to_string())?;
    // What goes wrong is an error of the call, and is told where that ends up.
    environment.set_log_level(LogLevel::Fatal);
    Ok(environment)
}

/// An arena keeps the memory of the largest call for ever, and patterns are kept for every number of rows that ever came: both are off.
fn options(environment: &Environment) -> ort::Result<SessionBuilder> {
    Ok(Session::builder(environment)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_memory_pattern(false)?
        .with_log_level(LogLevel::Fatal)?
        .with_execution_providers([CPU::default().with_arena_allocator(false).build()])?)
}

/// The library tells its version to whoever may call C; its file is named after it, and its build after the commit.
fn name(path: &Path) -> String {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some((_, version)) = file.split_once(".so.") {
        return format!("onnxruntime {version}");
    }
    let commit =
        ort::info().split("git-commit-id=").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("of an unknown version");
    format!("onnxruntime {commit}")
}
