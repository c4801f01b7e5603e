//! What the broker speaks.

use bytes::{Bytes, BytesMut};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::messages::api_versions_response::ApiVersion;

use super::{Call, LIST, Reply, Unreadable, write};

/// A client that asks in a newer version than is spoken gets the list in the oldest one, with an error that makes it ask again.
pub(super) fn answer(call: &Call<'_>, body: &mut Bytes, out: &mut BytesMut) -> Result<Reply, Unreadable> {
    body.clear();
    let spoken = call.version <= 3;
    let apis = LIST
        .iter()
        .map(|api| ApiVersion::default().with_api_key(api.key as i16).with_min_version(api.min).with_max_version(api.max));
    let answer = ApiVersionsResponse::default().with_api_keys(apis.collect()).with_error_code(if spoken {
        0
    } else {
        ResponseError::UnsupportedVersion.code()
    });
    write(&answer, if spoken { call.version } else { 0 }, out)?;
    Ok(Reply::Send)
}
