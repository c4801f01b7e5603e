//! Connections: a thread each, which reads a request, carries it out and writes the answer. A request that waits, for records or for a
//! group, keeps its own thread waiting and nothing else, which is what the protocol asks for: answers come in order.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable};

use crate::Shared;
use crate::api::{Api, Call, LIST, Reply, Unreadable};
use crate::fault::Fault;
use crate::group::Client;

/// Bytes of a request with records; Kafka's `socket.request.max.bytes`.
const REQUEST_MAX: usize = 100 << 20;
/// Bytes of any other request: what is read takes many times as much.
const ORDER_MAX: usize = 8 << 20;
/// Connections at a time.
const CONNECTIONS_MAX: usize = 1000;
/// Bytes of the stack of a connection's thread.
const STACK: usize = 512 << 10;

/// Takes connections in until the broker closes.
pub(crate) fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.is_closing() {
            return;
        }
        let taken = stream.and_then(|stream| Ok((shared.register(&stream, CONNECTIONS_MAX)?, stream)));
        let (registered, stream) = match taken {
            Ok((Some(registered), stream)) => (registered, stream),
            Ok((None, _)) => {
                tracing::warn!(CONNECTIONS_MAX, "too many connections: one is refused");
                continue;
            }
            Err(error) => {
                // Out of file descriptors, most likely: others may be closed meanwhile.
                tracing::warn!(%error, "cannot take a connection in");
                shared.pause(Duration::from_millis(100));
                continue;
            }
        };
        let shared = Arc::clone(shared);
        let serve = move || {
            // A request that makes the broker stumble ends its connection, not the broker.
            let served = catch_unwind(AssertUnwindSafe(|| serve(&stream, &shared)));
            match served {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a connection ended"),
                Err(_) => tracing::error!("a request made the broker stumble; its connection ends"),
            }
            // The broker waits for this when it ends, so it comes last.
            drop(registered);
        };
        if let Err(error) = thread::Builder::new().name("connection".to_owned()).stack_size(STACK).spawn(serve) {
            tracing::error!(%error, "no thread for a connection");
        }
    }
}

fn serve(mut stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let host = format!("/{}", stream.peer_addr()?.ip());
    let mut out = BytesMut::new();
    while let Some(mut request) = frame(stream)? {
        if shared.is_closing() {
            return Ok(());
        }
        let (api, version) = kind(&request)?;
        if api.key != ApiKey::Produce && request.len() > ORDER_MAX {
            let text = format!("{:?} of {} bytes; at most {ORDER_MAX} are taken", api.key, request.len());
            return Err(io::Error::other(text));
        }
        let header = RequestHeader::decode(&mut request, api.key.request_header_version(version)).map_err(wrong)?;
        let client = Client { id: header.client_id.map(|id| id.to_string()).unwrap_or_default(), host: host.clone() };
        tracing::trace!(api = ?api.key, version, client = client.id, bytes = request.len(), "request");
        let fault = shared.faults.take(api.key);
        match fault {
            Some(Fault::Drop) => return stream.shutdown(Shutdown::Both),
            Some(Fault::Delay(time)) => {
                shared.pause(time);
                if shared.is_closing() {
                    return Ok(());
                }
            }
            Some(Fault::ApplyThenDisconnect) | None => {}
        }
        out.clear();
        out.put_i32(0);
        let answered = ResponseHeader::default().with_correlation_id(header.correlation_id);
        answered.encode(&mut out, api.key.response_header_version(version)).map_err(wrong)?;
        let call = Call { broker: shared, version, client: &client };
        let reply = (api.answer)(&call, &mut request, &mut out).map_err(|Unreadable(why)| {
            tracing::warn!(api = ?api.key, version, client = client.id, why, "a request cannot be read");
            io::Error::other(why)
        })?;
        if fault == Some(Fault::ApplyThenDisconnect) || reply == Reply::HangUp {
            return stream.shutdown(Shutdown::Both);
        }
        if reply == Reply::Send {
            let length = (out.len() - 4) as u32;
            out[..4].copy_from_slice(&length.to_be_bytes());
            stream.write_all(&out)?;
        }
        // One large answer is no reason to keep its memory.
        if out.capacity() > 1 << 20 {
            out = BytesMut::new();
        }
    }
    Ok(())
}

/// The next request, or `None` when the client has hung up.
fn frame(mut stream: &TcpStream) -> io::Result<Option<Bytes>> {
    let mut length = [0; 4];
    if let Err(error) = stream.read_exact(&mut length) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > REQUEST_MAX {
        return Err(io::Error::other(format!("a request of {length} bytes; at most {REQUEST_MAX} are taken")));
    }
    let mut request = BytesMut::zeroed(length);
    stream.read_exact(&mut request)?;
    Ok(Some(request.freeze()))
}

/// What is asked for, in which version. A version that is not spoken ends the connection, except that of the question what is.
fn kind(request: &Bytes) -> io::Result<(&'static Api, i16)> {
    let mut head = request.slice(..request.len().min(4));
    if head.len() < 4 {
        return Err(io::Error::other("a request without a head"));
    }
    let (key, version) = (head.get_i16(), head.get_i16());
    let api = LIST.iter().find(|api| api.key as i16 == key);
    match api {
        Some(api) if version >= api.min && version <= api.max || api.key == ApiKey::ApiVersions => Ok((api, version)),
        Some(api) => {
            let text = format!("{:?} version {version} was asked for; {} to {} are spoken", api.key, api.min, api.max);
            Err(io::Error::other(text))
        }
        None => Err(io::Error::other(format!("request {key} is not known to the broker for development"))),
    }
}

fn wrong(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}
