//! The admin server, over HTTP.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use sandstream::admin::{Admin, Config, Error, StreamView, Token, View};
use sandstream::registry::{ModelStatus, Registry, State};
use sandstream::telemetry::{LaneState, LaneStats, LetterStage};
use sandstream::types::{Digest, ModelId};
use serde_json::Value;

const LOOPBACK: &str = "127.0.0.1:0";

struct Host {
    admin: Admin,
    registry: Arc<Registry>,
    lane: Arc<LaneStats>,
}

fn host(token: Option<&str>) -> Host {
    let (registry, lane) = (Arc::new(Registry::new(1)), Arc::new(LaneStats::default()));
    let stream = StreamView {
        name: "scores".to_owned(),
        types: vec!["wine".to_owned()],
        registry: Arc::clone(&registry),
        lanes: vec![Arc::clone(&lane)],
    };
    let view = View { instance: "test".to_owned(), streams: vec![stream] };
    let config = Config { bind: LOOPBACK.parse().unwrap(), tokens: token.into_iter().map(Token::new).collect() };
    Host { admin: Admin::serve(config, view).unwrap(), registry, lane }
}

fn rejected(name: &str) -> ModelStatus {
    ModelStatus {
        id: ModelId { data_type: "wine".to_owned(), name: name.to_owned(), version: "7".to_owned() },
        description: "a broken one".to_owned(),
        model_type: "WASM".to_owned(),
        digest: Some(Digest::of(b"payload")),
        revision: 7,
        state: State::Rejected,
        stage: Some("compile".to_owned()),
        reason: Some("no component".to_owned()),
        since_ms: 12,
        version: None,
    }
}

/// Status and body.
fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn json(address: SocketAddr, path: &str) -> (u16, Value) {
    let (status, body) = get(address, path, "");
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
}

#[test]
fn readiness_names_every_reason() {
    let host = host(None);
    let (status, body) = json(host.admin.address(), "/readyz");
    assert_eq!(status, 503);
    let reasons = body["reasons"].to_string();
    for expected in ["control log has not been read", "data type `wine` has no live model", "lane 0 has not joined"] {
        assert!(reasons.contains(expected), "{expected}: {reasons}");
    }
    host.registry.set_caught_up();
    host.lane.stepped(Instant::now());
    host.lane.set_state(LaneState::Stopped("no right to read".to_owned()));
    let reasons = json(host.admin.address(), "/readyz").1["reasons"].to_string();
    assert!(!reasons.contains("control log"), "{reasons}");
    assert!(reasons.contains("lane 0 has stopped: no right to read"), "{reasons}");
    assert_eq!(json(host.admin.address(), "/livez").0, 200);
}

#[test]
fn models_are_found_by_their_names() {
    let host = host(None);
    host.registry.set_models(vec![rejected("red/dry wine")]);
    let address = host.admin.address();
    for path in ["/models", "/models/wine", "/models/wine/red%2Fdry%20wine/7"] {
        let (status, body) = json(address, path);
        assert_eq!(status, 200, "{path}");
        let model = &body["models"][0];
        assert_eq!(model["name"], "red/dry wine", "{path}");
        assert_eq!(model["state"], "Rejected", "{path}");
        assert_eq!(model["stage"], "compile", "{path}");
        assert_eq!(model["reason"], "no component", "{path}");
        assert_eq!(model["digest"], Digest::of(b"payload").to_string(), "{path}");
    }
    for (path, expected) in [
        ("/models/wino", "nearest that is declared is `wine`"),
        ("/models/wine/other/1", "no model `wine/other@1`"),
        ("/state/beer", "no stream declares the data type `beer`"),
        ("/model", "expected GET /models"),
    ] {
        let (status, body) = json(address, path);
        assert_eq!(status, 404, "{path}");
        assert!(body["error"].as_str().unwrap().contains(expected), "{path}: {body}");
    }
}

#[test]
fn the_tutorials_paths_answer() {
    let host = host(None);
    assert_eq!(json(host.admin.address(), "/processors"), (200, serde_json::json!(["wine"])));
    assert_eq!(json(host.admin.address(), "/state/wine"), (200, serde_json::json!([])));
    let live = ModelStatus { state: State::Live, reason: None, stage: None, ..rejected("linear") };
    host.registry.set_models(vec![live]);
    let (_, state) = json(host.admin.address(), "/state/wine");
    for field in ["name", "description", "modelType", "since", "usage", "duration", "min", "max"] {
        assert!(!state[field].is_null(), "{field}: {state}");
    }
}

#[test]
fn figures_are_scraped() {
    let host = host(None);
    host.lane.records_in.add(5);
    host.lane.bytes_in.add(500);
    host.lane.dead_letter(LetterStage::Decode);
    let (status, body) = get(host.admin.address(), "/metrics", "");
    assert_eq!(status, 200);
    for line in [
        r#"sandstream_records_in_total{stream="scores",lane="0"} 5"#,
        r#"sandstream_records_in_bytes_total{stream="scores",lane="0"} 500"#,
        r#"sandstream_dead_letters_total{stream="scores",lane="0",stage="decode"} 1"#,
        r#"sandstream_dead_letters_total{stream="scores",lane="0",stage="route"} 0"#,
        r#"sandstream_lane_state{stream="scores",lane="0",state="starting"} 1"#,
        r#"sandstream_types_without_model{stream="scores"} 1"#,
    ] {
        assert!(body.lines().any(|found| found.starts_with(line)), "{line} is not in\n{body}");
    }
    assert!(body.ends_with("# EOF\n"), "{body}");
}

#[test]
fn a_token_is_asked_for() {
    let host = host(Some("secret\n"));
    let address = host.admin.address();
    for (headers, expected) in [
        ("", 401),
        ("Authorization: Bearer wrong\r\n", 401),
        ("Authorization: secret\r\n", 401),
        ("Authorization: Bearer secret\r\n", 200),
    ] {
        assert_eq!(get(address, "/models", headers).0, expected, "{headers:?}");
    }
    assert_eq!(get(address, "/livez", "").0, 200);
}

#[test]
fn an_open_address_needs_a_token() {
    let view = View { instance: "test".to_owned(), streams: Vec::new() };
    let config = Config { bind: "0.0.0.0:0".parse().unwrap(), tokens: Vec::new() };
    let error = Admin::serve(config, view).err().unwrap();
    assert!(matches!(error, Error::Unprotected(_)), "{error}");
    assert!(error.to_string().contains("[admin] tokens"), "{error}");
}
