//! Who may ask.

use std::fmt;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::types::Digest;

/// A bearer token, kept as its digest: comparing digests tells an attacker nothing by the time it takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token(Digest);

impl Token {
    /// The token as it stands in its file; white space around it does not count.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Digest::of(text.trim().as_bytes()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Lets a request through that carries a token. `/livez` needs none: whoever restarts a host has no secrets.
pub(super) async fn check(State(tokens): State<Arc<[Token]>>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = header.and_then(|value| value.strip_prefix("Bearer "));
    if request.uri().path() == "/livez" || given.is_some_and(|given| tokens.contains(&Token::new(given))) {
        return next.run(request).await;
    }
    super::error(
        StatusCode::UNAUTHORIZED,
        "expected the header `Authorization: Bearer <token>` with a token of the file [admin] tokens",
    )
}
