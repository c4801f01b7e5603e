//! `s3://`, `gs://` and `az://`: one object by the crate object_store, with the credentials of the environment.

use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, RetryConfig};

use super::super::url::Scheme;
use super::connect::Connector;
use super::{Response, Settings, Url, WebError, told};

/// Tries of a request after the first, where a store is busy or a connection breaks.
const RETRIES_MAX: usize = 3;
/// No retry begins after this.
const RETRY_MAX: Duration = Duration::from_secs(60);

pub(super) async fn get(url: &Url, settings: &Settings, bytes_max: u64) -> Result<Response, WebError> {
    let failed = |error: Error| WebError::Store { url: url.to_string(), why: why(url.scheme, &error) };
    let too_large = |bytes| WebError::TooLarge { url: url.to_string(), bytes, max: bytes_max };
    let key = Path::from_url_path(&url.path).map_err(|error| failed(error.into()))?;
    // Its size comes with its head, before anything of it.
    let found = open(url, settings, bytes_max).map_err(failed)?.get(&key).await.map_err(failed)?;
    if found.meta.size > bytes_max {
        return Err(too_large(Some(found.meta.size)));
    }
    let data = found.bytes().await.map_err(failed)?;
    if data.len() as u64 > bytes_max {
        return Err(too_large(None));
    }
    Ok(Response::Body(data.into()))
}

/// The bucket, with the variables of its kind that object_store knows.
fn open(url: &Url, settings: &Settings, bytes_max: u64) -> Result<Box<dyn ObjectStore>, Error> {
    let bucket = url.host.as_str();
    let connector = Connector { bytes_max };
    let retry = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_MAX, ..RetryConfig::default() };
    let variables = settings.read();
    let prefix = prefix(url.scheme);
    let own = variables.iter().filter(|(name, _)| name.starts_with(prefix));
    let own = own.map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()));
    // Those without a prefix.
    let named = |name: &str| variables.iter().find(|(its, _)| its == name).map(|(_, value)| value.as_str());
    Ok(match url.scheme {
        Scheme::Gs => {
            let builder = GoogleCloudStorageBuilder::new();
            let builder =
                named("SERVICE_ACCOUNT").into_iter().fold(builder, GoogleCloudStorageBuilder::with_service_account_path);
            let builder = own.fold(builder, |builder, (name, value)| match name.parse() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            });
            Box::new(builder.with_bucket_name(bucket).with_retry(retry).with_http_connector(connector).build()?)
        }
        Scheme::Az => {
            let builder = MicrosoftAzureBuilder::new();
            let builder = named("IDENTITY_ENDPOINT").into_iter().fold(builder, MicrosoftAzureBuilder::with_msi_endpoint);
            let builder = own.fold(builder, |builder, (name, value)| match name.parse() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            });
            Box::new(builder.with_container_name(bucket).with_retry(retry).with_http_connector(connector).build()?)
        }
        Scheme::S3 | Scheme::Http | Scheme::Https => {
            let builder = own.fold(AmazonS3Builder::new(), |builder, (name, value)| match name.parse() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            });
            Box::new(builder.with_bucket_name(bucket).with_retry(retry).with_http_connector(connector).build()?)
        }
    })
}

/// What a store's variables begin with.
const fn prefix(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Gs => "GOOGLE_",
        Scheme::Az => "AZURE_",
        Scheme::S3 | Scheme::Http | Scheme::Https => "AWS_",
    }
}

fn why(scheme: Scheme, error: &Error) -> String {
    let prefix = prefix(scheme);
    match error {
        Error::NotFound { .. } => "there is none of this key, or no such bucket".to_owned(),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => format!(
            "it may not be read with the credentials of this process's environment ({prefix}..); give it others, or a policy that lets them: {}",
            told(error)
        ),
        _ => match told(error) {
            text if text.contains("status code: 301 ") => {
                format!("{text}; it is somewhere else, `AWS_REGION` or `AWS_ENDPOINT` say where")
            }
            text => text,
        },
    }
}
