//! One request of a build without the feature `stores`: HTTP/1.1, GET, a connection of its own, everything bounded.

use std::io::{BufReader, ErrorKind, Read, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Instant;

use super::{CONNECT_MAX, Response, SILENCE_MAX, Url, WebError};

/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Bytes of a line, and lines, of what is not the model.
const LINE_MAX: usize = 8 << 10;
const HEADERS_MAX: usize = 100;
/// What is read at once.
const PIECE: usize = 64 << 10;

/// How the end of a body is known.
enum Length {
    Bytes(u64),
    Chunked,
    /// The connection's.
    End,
}

pub(super) fn get(url: &Url, bytes_max: u64, until: Instant) -> Result<Response, WebError> {
    let failed = |why: String| WebError::Connection { url: url.to_string(), why };
    let mut stream = connect(url).map_err(failed)?;
    let Url { host, port, path, .. } = url;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: sandstream\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).map_err(|error| failed(error.to_string()))?;
    let mut answer = Answer { stream: BufReader::with_capacity(PIECE, stream), until };
    let (status, headers) = answer.head().map_err(failed)?;
    let header = |name: &str| headers.iter().find(|(its, _)| its == name).map(|(_, value)| value.as_str());
    match (status, header("location")) {
        (200, _) => {}
        (301 | 302 | 303 | 307 | 308, Some(to)) => return Ok(Response::Redirect(to.to_owned())),
        _ => return Err(WebError::Status { url: url.to_string(), status }),
    }
    if let Some(encoding) = header("content-encoding").filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(failed(format!("it is encoded as `{encoding}`, which was not asked for")));
    }
    let length = match (header("transfer-encoding"), header("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => Length::Chunked,
        (Some(coding), _) => return Err(failed(format!("expected the transfer coding `chunked` or none, got `{coding}`"))),
        (None, Some(text)) => {
            Length::Bytes(text.parse().map_err(|_| failed(format!("expected a length in bytes, got `{text}`")))?)
        }
        (None, None) => Length::End,
    };
    let too_large = |bytes| WebError::TooLarge { url: url.to_string(), bytes, max: bytes_max };
    if let Length::Bytes(bytes) = length
        && bytes > bytes_max
    {
        return Err(too_large(Some(bytes)));
    }
    answer.body(&length, bytes_max).map_err(failed)?.map(Response::Body).ok_or_else(|| too_large(None))
}

fn connect(url: &Url) -> Result<TcpStream, String> {
    let host = url.host.trim_start_matches('[').trim_end_matches(']');
    let addresses = (host, url.port).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut failure = "its name has no address".to_owned();
    for address in addresses.take(ADDRESSES_MAX) {
        match TcpStream::connect_timeout(&address, CONNECT_MAX) {
            Ok(stream) => {
                let silence = Some(SILENCE_MAX);
                stream.set_read_timeout(silence).and_then(|()| stream.set_write_timeout(silence)).map_err(|e| e.to_string())?;
                return Ok(stream);
            }
            Err(error) => failure = format!("{address}: {error}"),
        }
    }
    Err(failure)
}

struct Answer {
    stream: BufReader<TcpStream>,
    until: Instant,
}

type Head = (u16, Vec<(String, String)>);

impl Answer {
    /// Status and headers; names in small letters.
    fn head(&mut self) -> Result<Head, String> {
        let first = self.line()?;
        let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| format!("expected an answer of HTTP/1.1, got `{}`", shown(&first)))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line.split_once(':').ok_or_else(|| format!("expected a header, got `{}`", shown(&line)))?;
            if headers.len() == HEADERS_MAX {
                return Err(format!("more than {HEADERS_MAX} headers"));
            }
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The body; `None` where it is larger than may be.
    fn body(&mut self, length: &Length, bytes_max: u64) -> Result<Option<Vec<u8>>, String> {
        let mut data = Vec::new();
        match length {
            Length::Bytes(bytes) => self.exactly(*bytes, &mut data)?,
            Length::End => while (data.len() as u64) <= bytes_max && self.some(PIECE, &mut data)? > 0 {},
            Length::Chunked => loop {
                let line = self.line()?;
                let size = line.split(';').next().unwrap_or_default().trim();
                let size =
                    u64::from_str_radix(size, 16).map_err(|_| format!("expected a chunk's size, got `{}`", shown(&line)))?;
                if size > bytes_max.saturating_sub(data.len() as u64) {
                    return Ok(None);
                }
                if size == 0 {
                    break;
                }
                self.exactly(size, &mut data)?;
                if !self.line()?.is_empty() {
                    return Err("a chunk is longer than was said".to_owned());
                }
            },
        }
        Ok(Some(data).filter(|data| data.len() as u64 <= bytes_max))
    }

    fn exactly(&mut self, bytes: u64, data: &mut Vec<u8>) -> Result<(), String> {
        let mut left = bytes;
        while left > 0 {
            let got = self.some(left.min(PIECE as u64) as usize, data)?;
            if got == 0 {
                return Err(format!("it ended {left} bytes early"));
            }
            left -= got as u64;
        }
        Ok(())
    }

    /// Reads what is there, at most so many bytes; 0 at the end.
    fn some(&mut self, bytes: usize, data: &mut Vec<u8>) -> Result<usize, String> {
        if Instant::now() >= self.until {
            return Err("it took too long".to_owned());
        }
        let before = data.len();
        data.resize(before + bytes, 0);
        let got = loop {
            match self.stream.read(&mut data[before..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        data.truncate(before + *got.as_ref().unwrap_or(&0));
        got.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => format!("nothing came for {SILENCE_MAX:?}"),
            _ => error.to_string(),
        })
    }

    /// A line without its end.
    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        loop {
            if self.some(1, &mut line)? == 0 {
                return Err("the connection was closed".to_owned());
            }
            if line.last() == Some(&b'\n') {
                line.pop();
                line.pop_if(|last| *last == b'\r');
                return String::from_utf8(line).map_err(|_| "a header is not UTF-8".to_owned());
            }
            if line.len() > LINE_MAX {
                return Err(format!("a line of more than {LINE_MAX} bytes"));
            }
        }
    }
}

fn shown(line: &str) -> String {
    line.chars().take(80).collect()
}
