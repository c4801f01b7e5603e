//! Models in object stores: what is asked of them, what is taken, and what is said where they refuse.

use std::collections::BTreeMap;

use prost::Message as _;
use sandstream::lifecycle::{Config, Inline, Locations, WebRoot};
use sandstream::types::proto::ModelDescriptor;
use sandstream::types::proto::model_descriptor::Payload;
use sandstream::types::{Digest, Limits};

use super::host::{Host, Log, descriptor};
use super::web::serve_seen;

const SECRET: &str = "c2VjcmV0LW9mLXRoaXMtdGVzdA==";

/// An object as stores hand it out.
fn object(body: &str) -> Vec<u8> {
    let stamp = "ETag: \"1\"\r\nLast-Modified: Thu, 26 Nov 2026 12:00:00 GMT\r\nConnection: close";
    format!("HTTP/1.1 200 OK\r\n{stamp}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn refusal(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

/// What the environment of a host would have.
fn settings(scheme: &str, address: &str) -> Vec<(String, String)> {
    let endpoint = format!("http://{address}");
    let all: &[(&str, &str)] = match scheme {
        "s3" => &[
            ("AWS_ENDPOINT", &endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ],
        "gs" => &[("GOOGLE_BASE_URL", &endpoint), ("GOOGLE_SKIP_SIGNATURE", "true")],
        _ => &[
            ("AZURE_STORAGE_ENDPOINT", &endpoint),
            ("AZURE_ALLOW_HTTP", "true"),
            ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
            ("AZURE_STORAGE_ACCOUNT_KEY", SECRET),
        ],
    };
    all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn root(scheme: &str, address: &str) -> WebRoot {
    WebRoot::parse(&format!("{scheme}://models/wine")).unwrap().with_settings(settings(scheme, address))
}

#[test]
fn objects_are_read_within_bounds() {
    let hundred = "x".repeat(100);
    let denied = "<Error><Code>AccessDenied</Code></Error>";
    // Key, answer, and what is read or said; 50 bytes are allowed.
    let cases: Vec<(&str, Vec<u8>, Result<&str, &[&str]>)> = vec![
        ("/models/wine/model", object("fake:1"), Ok("fake:1")),
        ("/models/wine/2026/a%20b", object("fake:2"), Ok("fake:2")),
        ("/models/wine/large", object(&hundred), Err(&["has 100 bytes, at most 50", "limits.payload"])),
        ("/models/wine/short", refusal("200 OK", "ETag: \"1\"\r\n", "").replace_length("6"), Err(&["no object from"])),
        ("/models/wine/endless", b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\nfake:1".to_vec(), Err(&["no object from", "ength"])),
        ("/models/wine/denied", refusal("403 Forbidden", "", denied), Err(&["may not be read", "(AWS_..)", "AccessDenied"])),
        ("/models/wine/talkative", refusal("400 Bad Request", "", &"y".repeat(1 << 20)), Err(&["no object from"])),
        (
            "/models/wine/moved",
            refusal("301 Moved Permanently", "Location: http://127.0.0.1:1/models/wine/model\r\n", ""),
            Err(&["no object from", "AWS_REGION"]),
        ),
        ("/models/wine/busy", refusal("503 Slow Down", "", "SlowDown"), Err(&["no object from", "503"])),
    ];
    let (address, seen) = serve_seen(cases.iter().map(|(path, answer, _)| (*path, answer.clone())).collect());
    let locations = Locations::open(&[], &[root("s3", &address)], true, 50).unwrap();
    for (path, _, expected) in &cases {
        match (locations.read(&format!("s3:/{path}")), expected) {
            (Ok(found), Ok(data)) => {
                assert_eq!((&*found.data, found.digest), (data.as_bytes(), Digest::of(data.as_bytes())), "{path}");
            }
            (Err(error), Err(words)) => {
                let text = error.to_string();
                assert!(words.iter().all(|words| text.contains(words)), "{path}: {text}");
                assert!(text.contains(&format!("s3:/{path}")) && text.len() < 1000 && !text.contains(SECRET), "{path}: {text}");
            }
            (found, expected) => panic!("{path}: expected {expected:?}, got {:?}", found.map(|found| found.digest)),
        }
    }
    let missing = locations.read("s3://models/wine/missing").err().unwrap().to_string();
    assert!(missing.contains("none of this key"), "{missing}");
    let asked = std::mem::take(&mut *seen.lock().unwrap());
    let mut times = BTreeMap::new();
    for head in &asked {
        let lower = head.to_ascii_lowercase();
        assert!(
            head.starts_with("GET /models/wine/") && lower.contains("authorization: aws4-hmac-sha256 credential=key/"),
            "{head}"
        );
        assert!(!head.contains(SECRET), "{head}");
        *times.entry(head.split(' ').nth(1).unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!((times["/models/wine/model"], times["/models/wine/denied"], times["/models/wine/busy"]), (1, 1, 4), "{times:?}");

    let refused = [
        ("s3://models/secret", "under none of the roots"),
        ("s3://others/wine/model", "under none of the roots"),
        ("s3://Models/wine/model", "under none of the roots"),
        ("gs://models/wine/model", "under none of the roots"),
        ("s3://models/wine/../secret", "could lead out"),
        ("s3://models/wine/%2E%2e/secret", "could lead out"),
        ("s3://models/wine/..%2fsecret", "could lead out"),
        ("s3://models/wine/model?versionId=1", "neither port nor query"),
        ("s3://models:80/wine/model", "neither port nor query"),
        ("s3://key:secret@models/wine/model", "no place in it"),
        ("s3:///wine/model", "no bucket"),
        ("s3://models/wine//model", "no object from"),
    ];
    for (location, words) in refused {
        let error = locations.read(location).err().expect("refused").to_string();
        assert!(error.contains(words), "{location}: {error}");
    }
    assert!(seen.lock().unwrap().is_empty(), "nothing of these is asked for");
    let shown = format!("{:?}", root("s3", &address));
    assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains(SECRET), "{shown}");
}

/// An answer that says another length than it has.
trait ReplaceLength {
    fn replace_length(self, length: &str) -> Self;
}

impl ReplaceLength for Vec<u8> {
    fn replace_length(self, length: &str) -> Self {
        String::from_utf8(self).unwrap().replace("Content-Length: 0", &format!("Content-Length: {length}")).into_bytes()
    }
}

/// The other stores ask in their own way.
#[test]
fn every_store_is_asked_with_its_own_settings() {
    for (scheme, path, header) in [
        ("s3", "/models/wine/model", Some("authorization: aws4-hmac-sha256")),
        ("gs", "/models/wine%2Fmodel", None),
        ("az", "/models/wine/model", Some("authorization: sharedkey account:")),
    ] {
        let (address, seen) = serve_seen(vec![(path, object("fake:1"))]);
        let locations = Locations::open(&[], &[root(scheme, &address)], false, 50).unwrap();
        let found = locations.read(&format!("{scheme}://models/wine/model"));
        let asked = seen.lock().unwrap().clone();
        assert_eq!(found.map(|found| found.digest).map_err(|error| error.to_string()), Ok(Digest::of(b"fake:1")), "{asked:?}");
        assert_eq!(asked.len(), 1, "{scheme}: {asked:?}");
        assert!(header.is_none_or(|header| asked[0].to_ascii_lowercase().contains(header)), "{scheme}: {asked:?}");
    }
}

/// What a store refuses, or has another of, leaves what answers as it is.
#[test]
fn what_answers_stays_where_a_store_does_not_give_the_model() {
    let denied = refusal("403 Forbidden", "", "");
    let (address, _) = serve_seen(vec![("/models/wine/model", object("fake:2")), ("/models/wine/denied", denied)]);
    let limits = Limits { payload_bytes: 1000, ..Limits::default() };
    let config = Config { web: vec![root("s3", &address)], unverified_locations: true, limits, ..Config::new("host") };
    for (key, sha256, expected) in [
        ("model", Some(Digest::of(b"fake:2")), Ok(())),
        ("model", Some(Digest::of(b"fake:3")), Err("expected sha256:")),
        ("model", None, Err("without sha256")),
        ("denied", Some(Digest::of(b"fake:2")), Err("may not be read")),
        ("missing", Some(Digest::of(b"fake:2")), Err("none of this key")),
    ] {
        let log = Log::new();
        log.order("a@1=fake:1");
        let mut host = Host::with(&log, &config, Box::new(Inline::default()));
        host.step();
        assert_eq!(host.live(), "a@1");
        let payload = Some(Payload::Location(format!("s3://models/wine/{key}")));
        let model = ModelDescriptor { payload, sha256: sha256.map(|digest| digest.0.to_vec()), ..descriptor("b", "") };
        let at = log.put(None, Some(model.encode_to_vec()), None);
        host.step();
        let reason = host.status(at).reason.unwrap_or_default();
        match expected {
            Ok(()) => assert_eq!(host.live(), "b@1", "{reason}"),
            Err(words) => assert!(host.live() == "a@1" && reason.contains(words), "{key}: {}: {reason}", host.live()),
        }
    }
}
