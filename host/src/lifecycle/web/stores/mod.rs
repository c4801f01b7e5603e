//! Models by TLS and in object stores, with the crates reqwest and object_store. A request runs on the thread that asks, in a runtime
//! of its own, and has ended when that thread goes on.

mod connect;
mod http;
mod objects;
mod settings;

use std::error::Error;
use std::future::Future;
use std::time::Instant;

use tokio::runtime::Builder;

use super::{CONNECT_MAX, Response, SILENCE_MAX, Url, WebError};
pub(super) use settings::Settings;

/// Characters of a server's or a library's text that a rejection repeats.
const SHOWN_MAX: usize = 400;

/// What is at `url`, if it is there by `until`.
pub(super) fn get(url: &Url, settings: &Settings, bytes_max: u64, until: Instant) -> Result<Response, WebError> {
    if url.scheme.is_store() {
        within(url, until, objects::get(url, settings, bytes_max))
    } else {
        within(url, until, http::get(url, bytes_max))
    }
}

fn within(url: &Url, until: Instant, work: impl Future<Output = Result<Response, WebError>>) -> Result<Response, WebError> {
    let failed = |why: String| WebError::Connection { url: url.to_string(), why };
    let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(|error| failed(error.to_string()))?;
    let answer = runtime.block_on(async { tokio::time::timeout_at(until.into(), work).await });
    // A name that is still being looked up has a thread, which is not waited for.
    runtime.shutdown_background();
    answer.unwrap_or_else(|_| Err(failed("it took too long".to_owned())))
}

/// An error with its causes, on one line and not too long.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some repeat their cause.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    shown(&without_queries(&text))
}

/// Without what stands behind a `?` of an address: with some stores, that is the credential.
fn without_queries(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut hidden = false;
    for char in text.chars() {
        if hidden && (char.is_whitespace() || "\"'`<>()".contains(char)) {
            hidden = false;
        }
        if !hidden {
            kept.push(char);
        }
        hidden |= char == '?';
    }
    kept
}

/// Without line breaks and other control characters, cut.
fn shown(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|char: char| char.is_whitespace() || char.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(SHOWN_MAX).collect()
}
