//! Addresses of models: one way to write each place, and none that leads out of a root.

use std::fmt;

use super::WebError;

/// How a place is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
    S3,
    Gs,
    Az,
}

impl Scheme {
    /// Every scheme of a network, built or not: none of them is ever taken for a file.
    const ALL: [Self; 5] = [Self::Http, Self::Https, Self::S3, Self::Gs, Self::Az];

    /// As it is written before `://`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::S3 => "s3",
            Self::Gs => "gs",
            Self::Az => "az",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::S3 | Self::Gs | Self::Az => 0,
        }
    }

    /// A bucket in place of a host, and an object's key in place of a path.
    pub(super) const fn is_store(self) -> bool {
        matches!(self, Self::S3 | Self::Gs | Self::Az)
    }

    const fn is_built(self) -> bool {
        cfg!(feature = "stores") || matches!(self, Self::Http)
    }

    pub(super) fn of(text: &str) -> Option<(Self, &str)> {
        let (name, rest) = text.split_once("://")?;
        Self::ALL.into_iter().find(|scheme| scheme.name() == name).map(|scheme| (scheme, rest))
    }
}

/// `scheme://host:port/path?query`, so that equal places are written equally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: Scheme,
    /// Or the bucket.
    pub(super) host: String,
    /// 0 of a bucket.
    pub(super) port: u16,
    /// With the query; begins with `/`.
    pub(super) path: String,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, WebError> {
        let wrong = |why| WebError::Url { url: text.to_owned(), why };
        let (scheme, rest) = Scheme::of(text).ok_or_else(|| wrong("it is of another scheme"))?;
        if !scheme.is_built() {
            return Err(WebError::NotBuilt { url: text.to_owned(), scheme: scheme.name() });
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(wrong("spaces, and letters that are not ASCII, have to be percent-encoded"));
        }
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        if authority.contains(['@', '?']) || path.contains('#') {
            return Err(wrong("users, passwords and fragments have no place in it"));
        }
        let plain = path.split('?').next().unwrap_or_default();
        let climbs = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        if plain.split('/').any(climbs) || rest.contains('\\') || plain.to_ascii_lowercase().contains("%2f") {
            return Err(wrong("`.`, `..`, `\\` and an encoded `/` could lead out of a root"));
        }
        let (host, port) = if scheme.is_store() {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            if !authority.bytes().all(plain) || path.contains('?') {
                return Err(wrong("a bucket has a name of letters, digits, `.`, `-` and `_`, and neither port nor query"));
            }
            (authority, 0)
        } else {
            // An IPv6 address has colons of its own, in brackets.
            match authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
                Some((host, port)) => (host, port.parse().map_err(|_| wrong("its port is no number"))?),
                None => (authority, scheme.port()),
            }
        };
        if host.is_empty() {
            return Err(wrong(if scheme.is_store() { "it has no bucket" } else { "it has no host" }));
        }
        // A bucket's letters are its own; those of a host are not told apart.
        let host = if scheme.is_store() { host.to_owned() } else { host.to_ascii_lowercase() };
        Ok(Self { scheme, host, port, path: path.to_owned() })
    }

    /// Another path on the same host.
    pub(super) fn beside(&self, path: &str) -> String {
        Self { path: path.to_owned(), ..self.clone() }.to_string()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, path } = self;
        let name = scheme.name();
        if *port == scheme.port() { write!(f, "{name}://{host}{path}") } else { write!(f, "{name}://{host}:{port}{path}") }
    }
}
