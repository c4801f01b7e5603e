//! Models on a web server: what comes is bounded, below a root, and checked.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use prost::Message as _;
use sandstream::lifecycle::{Config, Inline, Locations, WebRoot};
use sandstream::types::proto::ModelDescriptor;
use sandstream::types::proto::model_descriptor::Payload;
use sandstream::types::{Digest, Limits};

use super::host::{Host, Log, descriptor};

/// A server that gives these answers, one a connection, by path; its address. It ends with the test's process.
fn serve(answers: Vec<(&'static str, Vec<u8>)>) -> String {
    serve_seen(answers).0
}

/// The same, with the heads of what it was asked.
pub(crate) fn serve_seen(answers: Vec<(&'static str, Vec<u8>)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heads = seen.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let Some(first) = head.first() else { continue };
            let path = first.split(' ').nth(1).unwrap().to_owned();
            heads.lock().unwrap().push(head.join("\n"));
            let answer = answers.iter().find(|(its, _)| *its == path);
            let none = b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec();
            // A client that has had enough closes.
            let _ = stream.write_all(answer.map_or(&none, |(_, answer)| answer));
        }
    });
    (address.to_string(), seen)
}

/// What is said of an answer that breaks the protocol: exactly what is wrong, or what the library has for it.
fn broken(words: &'static str) -> Result<&'static str, &'static str> {
    Err(if cfg!(feature = "stores") { "no answer to" } else { words })
}

fn ok(headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}").into_bytes()
}

fn to(location: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

#[test]
fn answers_are_read_within_bounds() {
    let hundred = "x".repeat(100);
    // Path, answer, and what is read or said; 50 bytes are allowed.
    let cases: Vec<(&str, Vec<u8>, Result<&str, &str>)> = vec![
        ("/m/length", ok("Content-Length: 6\r\n", "fake:1 and more"), Ok("fake:1")),
        ("/m/end", ok("", "fake:1"), Ok("fake:1")),
        ("/m/chunked", ok("Transfer-Encoding: chunked\r\n", "4\r\nfake\r\n2;x=y\r\n:1\r\n0\r\n\r\n"), Ok("fake:1")),
        ("/m/query?version=1", ok("", "fake:1"), Ok("fake:1")),
        ("/m/moved", to("/m/end"), Ok("fake:1")),
        ("/m/out", to("/secret"), Err("redirects to `/secret`")),
        ("/m/away", to("http://example.com/m/end"), Err("redirects to `http://example.com/m/end`")),
        ("/m/climbing", to("/m/../secret"), Err("redirects to")),
        ("/m/circle", to("/m/circle"), Err("more than 5 redirects")),
        ("/m/encrypted", to("https://example.com/m/end"), Err("redirects to `https://")),
        ("/m/large", ok("Content-Length: 100\r\n", &hundred), Err("has 100 bytes, at most 50")),
        ("/m/endless", ok("", &hundred.repeat(10_000)), Err("has more bytes, at most 50")),
        ("/m/large-chunk", ok("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n"), broken("has more bytes, at most 50")),
        ("/m/short", ok("Content-Length: 10\r\n", "fake:1"), broken("ended 4 bytes early")),
        ("/m/cut-chunk", ok("Transfer-Encoding: chunked\r\n", "9\r\nfake"), broken("ended 5 bytes early")),
        ("/m/long-chunk", ok("Transfer-Encoding: chunked\r\n", "2\r\nfake\r\n"), broken("longer than was said")),
        ("/m/no-size", ok("Transfer-Encoding: chunked\r\n", "size\r\n"), broken("expected a chunk's size")),
        ("/m/zipped", ok("Content-Encoding: gzip\r\n", "fake:1"), Err("encoded as `gzip`")),
        ("/m/coding", ok("Transfer-Encoding: gzip, chunked\r\n", "fake:1"), broken("`chunked` or none")),
        ("/m/no-length", ok("Content-Length: -1\r\n", "fake:1"), broken("a length in bytes")),
        ("/m/other", b"SSH-2.0-OpenSSH\r\n".to_vec(), broken("an answer of HTTP/1.1")),
        ("/m/nothing", Vec::new(), broken("closed")),
        ("/m/long-line", [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'y'; 10_000]].concat(), broken("more than 8192 bytes")),
        ("/m/headers", ok(&"a: b\r\n".repeat(101), ""), broken("more than 100 headers")),
        // To the library, another header's value is bytes.
        (
            "/m/latin",
            b"HTTP/1.1 200 OK\r\nx: \xe4\r\n\r\n".to_vec(),
            if cfg!(feature = "stores") { Ok("") } else { Err("not UTF-8") },
        ),
        ("/m/forbidden", b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec(), Err("expected status 200, got 403")),
    ];
    let address = serve(cases.iter().map(|(path, answer, _)| (*path, answer.clone())).collect());
    let root = WebRoot::parse(&format!("http://{address}/m")).unwrap();
    let locations = Locations::open(&[], &[root], true, 50).unwrap();
    for (path, _, expected) in &cases {
        match (locations.read(&format!("http://{address}{path}")), expected) {
            (Ok(found), Ok(data)) => {
                assert_eq!((&*found.data, found.digest), (data.as_bytes(), Digest::of(data.as_bytes())), "{path}");
            }
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{path}: {error}"),
            (found, expected) => panic!("{path}: expected {expected:?}, got {:?}", found.map(|found| found.digest)),
        }
    }
    let refused = [
        (format!("http://{address}/secret"), "under none of the roots"),
        (format!("http://{address}/m/../secret"), "could lead out"),
        (format!("http://{address}/m/%2E%2e/secret"), "could lead out"),
        (format!("http://{address}/m/a%2Fb"), "could lead out"),
        (format!("http://{address}/m/a b"), "percent-encoded"),
        (format!("http://{address}/m/a\r\nHost: b"), "percent-encoded"),
        (format!("http://user:secret@{address}/m/a"), "no place in it"),
        (format!("http://{address}/m/missing"), "got 404"),
        ("http://:80/m/".to_owned(), "no host"),
        ("http://127.0.0.1:x/m/".to_owned(), "no number"),
    ];
    for (location, words) in refused {
        let error = locations.read(&location).err().expect("refused").to_string();
        assert!(error.contains(words), "{location}: {error}");
    }
}

#[test]
fn a_silent_place_is_an_error() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let root = WebRoot::parse(&format!("http://{free}/")).unwrap();
    let locations = Locations::open(&[], &[root], true, 50).unwrap();
    let error = locations.read(&format!("http://{free}/model")).err().unwrap().to_string();
    assert!(error.contains("no answer to") && error.contains(&free.to_string()), "{error}");
}

/// What comes over a network is checked, whatever the configuration trusts of files.
#[test]
fn a_model_on_the_web_needs_its_digest() {
    let address = serve(vec![("/model", ok("", "fake:1"))]);
    let location = format!("http://{address}/model");
    let web = vec![WebRoot::parse(&format!("http://{address}")).unwrap()];
    let limits = Limits { payload_bytes: 1000, ..Limits::default() };
    let config = Config { web, unverified_locations: true, limits, ..Config::new("host") };
    for (sha256, words) in [
        (Some(Digest::of(b"fake:1")), None),
        (Some(Digest::of(b"fake:2")), Some("expected sha256:")),
        (None, Some("without sha256")),
    ] {
        let log = Log::new();
        let payload = Some(Payload::Location(location.clone()));
        let model = ModelDescriptor { payload, sha256: sha256.map(|digest| digest.0.to_vec()), ..descriptor("a", "") };
        log.put(None, Some(model.encode_to_vec()), None);
        let mut host = Host::with(&log, &config, Box::new(Inline::default()));
        host.step();
        let reason = host.status(0).reason.unwrap_or_default();
        assert_eq!(host.version().is_some(), words.is_none(), "{reason}");
        assert!(reason.contains(words.unwrap_or_default()), "{reason}");
    }
}
