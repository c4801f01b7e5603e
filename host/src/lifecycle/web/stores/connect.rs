//! The connections of all requests: their patience, whom they trust, and how much of an answer is taken.

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Limited};
use object_store::ClientOptions;
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use super::{CONNECT_MAX, SILENCE_MAX};

/// Bytes of an answer that is not the model: an error's text, a token.
const ANSWER_MAX: usize = 256 << 10;

/// A client that waits as long as it may, follows nothing, and trusts what the system trusts.
pub(super) fn builder() -> ClientBuilder {
    // A second call changes nothing, and this is the only TLS that rustls is used for here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent("sandstream")
        .redirect(Policy::none())
        .connect_timeout(CONNECT_MAX)
        .read_timeout(SILENCE_MAX)
        .http1_only()
}

/// Gives object_store its connections.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) bytes_max: u64,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|allowed| allowed == "true");
        let failed = |error: reqwest::Error| object_store::Error::Generic { store: "client", source: Box::new(error) };
        let client = builder().https_only(!plain).build().map_err(failed)?;
        Ok(HttpClient::new(Bounded { client, bytes_max: usize::try_from(self.bytes_max).unwrap_or(usize::MAX) }))
    }
}

/// object_store reads what an error or a token says to its end.
#[derive(Debug)]
struct Bounded {
    client: Client,
    bytes_max: usize,
}

#[async_trait]
impl HttpService for Bounded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = self.client.call(request).await?.into_parts();
        let bytes_max = if parts.status.is_success() { self.bytes_max.max(ANSWER_MAX) } else { ANSWER_MAX };
        let body = Limited::new(body, bytes_max).map_err(|error| HttpError::new_boxed(HttpErrorKind::Decode, error));
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}
