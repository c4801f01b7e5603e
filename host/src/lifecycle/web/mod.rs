//! Models on a web server or in an object store: below the configured roots only. What comes is checked against the descriptor's
//! digest, so nobody on the way can change it.
//!
//! One client in a build: `stores` (TLS, S3, Google Cloud Storage, Azure) with the feature of that name, else `request`, which speaks
//! plain HTTP and brings no library.

#[cfg(not(feature = "stores"))]
mod request;
#[cfg(feature = "stores")]
mod stores;
mod url;

use std::fmt;
use std::time::{Duration, Instant};

#[cfg(not(feature = "stores"))]
use request::get;
#[cfg(feature = "stores")]
use stores::{Settings, get};
use url::{Scheme, Url};

/// How long a server may take to take a connection, and to say something.
const CONNECT_MAX: Duration = Duration::from_secs(10);
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// What this build takes.
const FORMS: &str = if cfg!(feature = "stores") {
    "`http://host[:port]/path/`, `https://..`, `s3://bucket/prefix/`, `gs://bucket/prefix/` or `az://container/prefix/`"
} else {
    "`http://host[:port]/path/`"
};

/// Redirects of one request.
const REDIRECTS_MAX: usize = 5;
/// How long one model may take.
const TOTAL_MAX: Duration = Duration::from_secs(15 * 60);

/// A model cannot be had from a web server or an object store.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Not an address this host can use.
    #[error("expected {FORMS}, got `{url}`: {why}")]
    Url {
        /// What was written.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A scheme that needs the feature.
    #[error(
        "`{url}`: this build reads no `{scheme}://`; build the host with `--features stores`, or put the model in a folder or under \
         `http://`"
    )]
    NotBuilt {
        /// What was written.
        url: String,
        /// Its scheme.
        scheme: &'static str,
    },
    /// A store does not hand it out.
    #[error("no object from `{url}`: {why}")]
    Store {
        /// What was asked for.
        url: String,
        /// Why.
        why: String,
    },
    /// The server cannot be reached or does not keep to the protocol.
    #[error("no answer to `{url}`: {why}")]
    Connection {
        /// What was asked for.
        url: String,
        /// Why.
        why: String,
    },
    /// Another status than 200.
    #[error("`{url}`: expected status 200, got {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// A redirect that leads out.
    #[error(
        "`{url}` redirects to `{to}`, which is not below `{root}`; name the place itself, under a root of `control.locations`"
    )]
    Redirect {
        /// What was asked for.
        url: String,
        /// Where it leads.
        to: String,
        /// The root.
        root: String,
    },
    /// A circle of redirects, or a long way.
    #[error("`{0}`: more than {REDIRECTS_MAX} redirects")]
    Redirects(String),
    /// Over the limit.
    #[error("`{url}` has {} bytes, at most {max} are allowed (`limits.payload`)", bytes.map_or("more".to_owned(), |bytes| bytes.to_string()))]
    TooLarge {
        /// What was asked for.
        url: String,
        /// Its size, where the server says it.
        bytes: Option<u64>,
        /// The limit.
        max: u64,
    },
}

/// What a server has answered.
enum Response {
    /// The model.
    Body(Vec<u8>),
    /// It is said to be there.
    Redirect(String),
}

/// A folder of a web server, or a part of a bucket, below which models may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRoot {
    url: Url,
    #[cfg(feature = "stores")]
    settings: Settings,
}

impl WebRoot {
    /// Reads `http://host[:port]/path/`, and with the feature `stores` `https://..`, `s3://bucket/prefix/`, `gs://..` and `az://..`.
    ///
    /// # Errors
    /// It is none that this build can reach, or has a query.
    pub fn parse(text: &str) -> Result<Self, WebError> {
        let mut url = Url::parse(text)?;
        if url.path.contains('?') {
            return Err(WebError::Url { url: text.to_owned(), why: "a root has no query" });
        }
        if !url.path.ends_with('/') {
            url.path.push('/');
        }
        Ok(Self {
            url,
            #[cfg(feature = "stores")]
            settings: Settings::default(),
        })
    }

    /// The same root with other credentials and endpoints than this process's environment has.
    #[cfg(feature = "stores")]
    #[must_use]
    pub fn with_settings(self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { settings: Settings::of(variables), ..self }
    }

    fn holds(&self, url: &Url) -> bool {
        let Url { scheme, host, port, path } = &self.url;
        (scheme, host, port) == (&url.scheme, &url.host, &url.port) && url.path.starts_with(path)
    }
}

impl fmt::Display for WebRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Whether it lies on a network, in a place that this build reaches or names.
pub(super) fn is_web(location: &str) -> bool {
    Scheme::of(location).is_some()
}

/// Reads what is at `location`. `None`: it is below none of the roots.
pub(super) fn read(location: &str, roots: &[WebRoot], bytes_max: u64) -> Result<Option<Vec<u8>>, WebError> {
    let mut url = Url::parse(location)?;
    let Some(root) = roots.iter().find(|root| root.holds(&url)) else { return Ok(None) };
    let until = Instant::now() + TOTAL_MAX;
    for _ in 0..=REDIRECTS_MAX {
        let answer = get(
            &url,
            #[cfg(feature = "stores")]
            &root.settings,
            bytes_max,
            until,
        )?;
        match answer {
            Response::Body(data) => return Ok(Some(data)),
            Response::Redirect(to) => {
                let target = if to.starts_with('/') { url.beside(&to) } else { to.clone() };
                let outside = || WebError::Redirect { url: url.to_string(), to: to.clone(), root: root.to_string() };
                url = Url::parse(&target).ok().filter(|target| root.holds(target)).ok_or_else(outside)?;
            }
        }
    }
    Err(WebError::Redirects(location.to_owned()))
}
