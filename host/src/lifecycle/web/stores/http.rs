//! `http://` and `https://`: one GET. object_store's own HTTP store wants a length with every answer, which not every server gives.

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, LOCATION};

use super::super::url::Scheme;
use super::connect::builder;
use super::{CONNECT_MAX, Response, SILENCE_MAX, Url, WebError, told};

pub(super) async fn get(url: &Url, bytes_max: u64) -> Result<Response, WebError> {
    let failed = |why: String| WebError::Connection { url: url.to_string(), why };
    let broken = |error: reqwest::Error| failed(why(error));
    // A machine without certificates can still read what is not encrypted.
    let builder = if url.scheme == Scheme::Https { builder().https_only(true) } else { builder().tls_certs_only([]) };
    let client = builder.build().map_err(|error| failed(told(&error)))?;
    let request = client.get(url.to_string()).header(ACCEPT_ENCODING, "identity");
    let mut answer = request.send().await.map_err(broken)?;
    let header = |name| answer.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    match (answer.status().as_u16(), header(LOCATION)) {
        (200, _) => {}
        (301 | 302 | 303 | 307 | 308, Some(to)) => return Ok(Response::Redirect(to)),
        (status, _) => return Err(WebError::Status { url: url.to_string(), status }),
    }
    if let Some(encoding) = header(CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(failed(format!("it is encoded as `{encoding}`, which was not asked for")));
    }
    let too_large = |bytes| WebError::TooLarge { url: url.to_string(), bytes, max: bytes_max };
    if let Some(bytes) = answer.content_length().filter(|bytes| *bytes > bytes_max) {
        return Err(too_large(Some(bytes)));
    }
    let mut data = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(broken)? {
        if piece.len() as u64 > bytes_max.saturating_sub(data.len() as u64) {
            return Err(too_large(None));
        }
        data.extend_from_slice(&piece);
    }
    Ok(Response::Body(data))
}

fn why(error: reqwest::Error) -> String {
    match (error.is_timeout(), error.is_connect()) {
        (true, true) => format!("no connection within {CONNECT_MAX:?}"),
        (true, false) => format!("nothing came for {SILENCE_MAX:?}"),
        _ => told(&error.without_url()),
    }
}
