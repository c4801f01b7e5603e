//! Models on a web server: below the configured roots only, by plain HTTP. What comes is checked against the descriptor's digest,
//! so nobody on the way can change it; who may not see the model is the network's affair.

mod request;

use std::fmt;
use std::time::{Duration, Instant};

use request::{Response, get};

/// Redirects of one request.
const REDIRECTS_MAX: usize = 5;
/// How long one model may take.
const TOTAL_MAX: Duration = Duration::from_secs(15 * 60);

/// A model cannot be had from a web server.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Not an address this host can use.
    #[error("expected `http://host[:port]/path/`, got `{url}`: {why}")]
    Url {
        /// What was written.
        url: String,
        /// What is wrong with it.
        why: &'static str,
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

/// A folder of a web server below which models may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRoot(Url);

impl WebRoot {
    /// Reads `http://host[:port]/path/`.
    ///
    /// # Errors
    /// It is none, or has a query.
    pub fn parse(text: &str) -> Result<Self, WebError> {
        let mut url = Url::parse(text)?;
        if url.path.contains('?') {
            return Err(WebError::Url { url: text.to_owned(), why: "a root has no query" });
        }
        if !url.path.ends_with('/') {
            url.path.push('/');
        }
        Ok(Self(url))
    }

    fn holds(&self, url: &Url) -> bool {
        (&self.0.host, self.0.port) == (&url.host, url.port) && url.path.starts_with(&self.0.path)
    }
}

impl fmt::Display for WebRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads what is at `location`. `None`: it is below none of the roots.
pub(super) fn read(location: &str, roots: &[WebRoot], bytes_max: u64) -> Result<Option<Vec<u8>>, WebError> {
    let mut url = Url::parse(location)?;
    let Some(root) = roots.iter().find(|root| root.holds(&url)) else { return Ok(None) };
    let until = Instant::now() + TOTAL_MAX;
    for _ in 0..=REDIRECTS_MAX {
        match get(&url, bytes_max, until)? {
            Response::Body(data) => return Ok(Some(data)),
            Response::Redirect(to) => {
                let target = if to.starts_with('/') { format!("http://{}:{}{to}", url.host, url.port) } else { to.clone() };
                let outside = || WebError::Redirect { url: url.to_string(), to: to.clone(), root: root.to_string() };
                url = Url::parse(&target).ok().filter(|target| root.holds(target)).ok_or_else(outside)?;
            }
        }
    }
    Err(WebError::Redirects(location.to_owned()))
}

/// `http://host:port/path?query`, so that equal places are written equally.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Url {
    host: String,
    port: u16,
    /// With the query; begins with `/`.
    path: String,
}

impl Url {
    fn parse(text: &str) -> Result<Self, WebError> {
        let wrong = |why| WebError::Url { url: text.to_owned(), why };
        let rest = text.strip_prefix("http://").ok_or_else(|| wrong("other schemes are not built"))?;
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("spaces, and letters that are not ASCII, have to be percent-encoded"));
        }
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        if authority.contains('@') || path.contains('#') {
            return Err(wrong("users, passwords and fragments have no place in it"));
        }
        let plain = path.split('?').next().unwrap_or_default();
        let climbs = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if plain.split('/').any(climbs) || plain.contains('\\') || plain.to_ascii_lowercase().contains("%2f") {
            return Err(wrong("`.`, `..`, `\\` and an encoded `/` could lead out of a root"));
        }
        // An IPv6 address has colons of its own, in brackets.
        let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong("its port is no number"))?),
            None => (authority, 80),
        };
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, path: path.to_owned() })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, path } = self;
        if *port == 80 { write!(f, "http://{host}{path}") } else { write!(f, "http://{host}:{port}{path}") }
    }
}
