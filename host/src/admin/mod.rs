//! Seeing what the host does: health, models and figures over HTTP. It reads what lanes and lifecycle publish and changes
//! nothing. It runs on a thread of its own, so that no request ever waits for a lane or a lane for a request.

mod auth;
mod health;
mod metrics;
mod models;
mod tutorial;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, middleware, routing::get};
use serde_json::json;
use tokio::sync::oneshot;

pub use auth::Token;

use crate::registry::{Registry, Route};
use crate::telemetry::LaneStats;

/// Where it listens and who may ask.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address; port 0 takes a free one.
    pub bind: SocketAddr,
    /// A request carries one of them as `Authorization: Bearer ..`; none are needed on loopback.
    pub tokens: Vec<Token>,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Open to others, but not protected.
    #[error(
        "[admin] bind = \"{0}\" is not a loopback address: set [admin] tokens, a file with one per line, and put a proxy with TLS in front of it, as \
         requests are not encrypted"
    )]
    Unprotected(SocketAddr),
    /// The address cannot be had.
    #[error("[admin] bind = \"{bind}\": {reason}; choose another port, or 0 for any free one")]
    Bind {
        /// Address asked for.
        bind: SocketAddr,
        /// What the system said.
        reason: std::io::Error,
    },
    /// No thread or runtime.
    #[error("the admin server could not be started: {0}")]
    Start(std::io::Error),
}

/// A stream as it is shown.
pub struct StreamView {
    /// Its name.
    pub name: String,
    /// Its data types, in the order of the registry's routes.
    pub types: Vec<String>,
    /// Its snapshot and models.
    pub registry: Arc<Registry>,
    /// Figures of its lanes.
    pub lanes: Vec<Arc<LaneStats>>,
}

impl StreamView {
    /// Data types that no version answers for.
    fn without_model(&self) -> impl Iterator<Item = &str> {
        let snapshot = self.registry.snapshot();
        let live: Vec<bool> = snapshot.routes.iter().map(|route| matches!(route, Route::Live(_))).collect();
        let idle = move |at: usize| !live.get(at).copied().unwrap_or(false);
        self.types.iter().enumerate().filter(move |(at, _)| idle(*at)).map(|(_, name)| name.as_str())
    }
}

/// Everything that is shown.
pub struct View {
    /// Name of this host.
    pub instance: String,
    /// Its streams.
    pub streams: Vec<StreamView>,
}

/// The running server; ends when dropped.
pub struct Admin {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// Binds and serves.
    ///
    /// # Errors
    /// The address is taken, or open to others without a token.
    pub fn serve(config: Config, view: View) -> Result<Self, Error> {
        if !config.bind.ip().is_loopback() && config.tokens.is_empty() {
            return Err(Error::Unprotected(config.bind));
        }
        let failed = |reason| Error::Bind { bind: config.bind, reason };
        let listener = std::net::TcpListener::bind(config.bind).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Start)?;
        let router = router(Arc::new(view), config.tokens.into());
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::select! {
                done = axum::serve(listener, router).into_future() => done,
                _ = stopped => Ok(()),
            }
        };
        let run = move || {
            if let Err(error) = runtime.block_on(serve) {
                tracing::error!(%error, "the admin server ended");
            }
        };
        let thread = std::thread::Builder::new().name("admin".to_owned()).spawn(run).map_err(Error::Start)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It fails where the server has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the admin server panicked");
        }
    }
}

fn router(view: Arc<View>, tokens: Arc<[Token]>) -> Router {
    let router = Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/models", get(models::all))
        .route("/models/{data_type}", get(models::of_type))
        .route("/models/{data_type}/{name}/{version}", get(models::one))
        .route("/processors", get(tutorial::processors))
        .route("/state/{data_type}", get(tutorial::state))
        .fallback(unknown)
        .with_state(view);
    if tokens.is_empty() { router } else { router.layer(middleware::from_fn_with_state(tokens, auth::check)) }
}

async fn unknown(uri: axum::http::Uri) -> Response {
    let expected = "GET /models, /models/{dataType}, /models/{dataType}/{name}/{version}, /livez, /readyz, /metrics, /processors \
                    or /state/{dataType}; names with `/` are percent-encoded";
    error(StatusCode::NOT_FOUND, &format!("there is nothing at {}; expected {expected}", uri.path()))
}

/// An error as all requests get it.
fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}
