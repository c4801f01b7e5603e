//! What a configuration means, and what is said when it means nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::Duration;

use sandstream::backend::{Engine, Engines};
use sandstream::codec::{Format, ResultFormat};
use sandstream::config::{Config, Error, TypeBy};
use sandstream::pipeline::OnNoModel;
use sandstream::stream::Delivery;
use sandstream::stream::kafka::Profile;
use sandstream::types::Kind;

fn parse_with(text: &str, environment: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(Path::new("etc/wine.toml"), text, environment).map_err(|error| match error {
        Error::Wrong(wrong) => wrong.lines().to_vec(),
        Error::Read { .. } => panic!("nothing is read here"),
    })
}

fn parse(text: &str) -> Config {
    parse_with(text, &[]).unwrap_or_else(|lines| panic!("{}", lines.join("\n")))
}

const SMALL: &str = r#"
[kafka]
brokers = "localhost:9092"
[types.wine]
format = "json"
fields = ["pH", "alcohol"]
[streams.wine]
inputs = ["wine"]
type = { constant = "wine" }
"#;

#[test]
fn what_is_not_said_has_the_defaults_of_the_contract() {
    let config = parse(SMALL);
    let [stream] = &config.streams[..] else { panic!("one stream") };
    assert_eq!(config.control.topic, "models");
    assert_eq!(config.control.status, "models.status");
    assert_eq!(config.control.activations, "models.activations");
    assert!(!config.control.unverified_locations && config.control.locations.is_empty());
    assert_eq!(stream.outputs, ["wine.scores"]);
    assert_eq!(stream.dead_letters, ["wine.dlq"]);
    assert_eq!(stream.group, "sandstream-wine");
    assert!(!stream.instance.is_empty());
    assert_eq!((stream.lanes, stream.delivery, stream.profile), (1, Delivery::ExactlyOnce, Profile::Throughput));
    assert_eq!((stream.commit_interval, stream.commit_records), (Duration::from_millis(100), 50_000));
    assert_eq!((stream.memory_max, stream.step_max), (512 << 20, Duration::from_secs(1)));
    assert_eq!((stream.on_no_model, stream.dead_letter_share_max), (OnNoModel::Hold, None));
    assert_eq!(stream.output_format, ResultFormat::Json);
    assert_eq!(config.limits, sandstream::types::Limits::default());
    assert!(config.admin.is_none());
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let config = parse(
        r#"
        [kafka]
        brokers = "a:1,b:2"
        security.protocol = "PLAINTEXT"
        "transaction.timeout.ms" = 20000
        [control]
        topic = "m"
        locations = ["models", "/srv/models", "http://Models:8080/wine"]
        unverified_locations = true
        [types.wine]
        format = "protobuf"
        schema = "wine.proto"
        message = "WineRecord"
        features = ["alcohol", "pH"]
        [types.note]
        format = "json"
        fields = { text = "text", n = "integer" }
        [streams.all]
        inputs = ["a", "b"]
        type = { header = "kind" }
        types = ["note", "wine"]
        output = ["a.out", "b.out"]
        dead_letters = "lost"
        group = "g"
        instance = "i"
        lanes = 3
        delivery = "at_least_once"
        include = ["id"]
        output_format = "protobuf"
        on_no_model = "dead_letter"
        wait_max = "1.5s"
        profile = "latency"
        commit.records = 10
        memory_max = "64MiB"
        step_max = "250ms"
        dead_letter_share_max = 0.25
        [limits]
        memory = "128MiB"
        call = "30ms"
        sessions = 7
        [limits.max]
        memory = "2GiB"
        [cache]
        folder = "cache"
        size_max = "1GiB"
        [backends]
        onnx = "onnxruntime"
        onnxruntime = "/opt/libonnxruntime.so"
        [admin]
        bind = "0.0.0.0:80"
        tokens = "tokens"
        "#,
    );
    let stream = &config.streams[0];
    let engines = Engines { onnx: Engine::OnnxRuntime, onnxruntime: Some("/opt/libonnxruntime.so".into()) };
    assert_eq!(config.engines, engines);
    assert_eq!(config.kafka.as_ref().unwrap().brokers(), "a:1,b:2");
    assert_eq!(config.kafka.as_ref().unwrap().transaction_timeout().unwrap(), Duration::from_secs(20));
    assert_eq!(config.control.locations, [Path::new("etc/models"), Path::new("/srv/models")]);
    assert_eq!(config.control.web.iter().map(ToString::to_string).collect::<Vec<_>>(), ["http://models:8080/wine/"]);
    assert!(
        matches!(&config.data_type("wine").unwrap().format, Format::Protobuf(p) if p.message.as_deref() == Some("WineRecord"))
    );
    assert_eq!(config.data_type("wine").unwrap().features, ["alcohol", "pH"]);
    assert_eq!(config.data_type("note").unwrap().fields[0].kind, Some(Kind::Text));
    assert_eq!((&stream.type_by, &stream.types[..]), (&TypeBy::Header("kind".into()), &["note".to_owned(), "wine".into()][..]));
    assert_eq!(stream.outputs, ["a.out", "b.out"]);
    assert_eq!(stream.dead_letters, ["lost", "lost"]);
    assert_eq!((stream.group.as_str(), stream.instance.as_str(), stream.lanes), ("g", "i", 3));
    assert_eq!((stream.delivery, stream.profile), (Delivery::AtLeastOnce, Profile::Latency));
    assert_eq!((stream.commit_interval, stream.commit_records), (Duration::from_millis(10), 10));
    assert_eq!(stream.on_no_model, OnNoModel::DeadLetterAfter(Duration::from_millis(1500)));
    assert_eq!((stream.memory_max, stream.step_max), (64 << 20, Duration::from_millis(250)));
    assert_eq!((stream.dead_letter_share_max, stream.output_format), (Some(0.25), ResultFormat::Protobuf));
    assert_eq!((config.limits.memory_bytes, config.limits.call_base), (128 << 20, Duration::from_millis(30)));
    assert_eq!((config.maxima.memory_bytes, config.wasm.memory_max, config.wasm.sessions_max), (2 << 30, 2 << 30, 7));
    let cache = config.wasm.cache.unwrap();
    assert_eq!((cache.folder.as_path(), cache.bytes_max), (Path::new("etc/cache"), 1 << 30));
    assert_eq!(config.admin.unwrap().tokens.unwrap(), Path::new("etc/tokens"));
}

/// Each case replaces a line of `SMALL` (or adds one) and says what is reported.
#[test]
fn every_error_names_file_line_key_and_what_was_expected() {
    let cases = [
        (
            "brokers = \"localhost:9092\"",
            "broker = \"x\"",
            &["etc/wine.toml:2: `kafka.brokers`: is missing; expected \"host:port\""][..],
        ),
        ("brokers =", "client.idd = \"x\"\nbrokers =", &["etc/wine.toml:3: `kafka.client.idd`: ", "client.idd"]),
        ("brokers =", "group.id = \"x\"\nbrokers =", &["etc/wine.toml:3: `kafka.group.id`: ", "the stream's `group`"]),
        (
            "brokers = \"localhost:9092\"",
            "brokers = \"x\"\n[control]\nlocations = [\"https://host/\"]",
            &[
                "etc/wine.toml:5: `control.locations`",
                "`http://host[:port]/path/`, got `https://host/`",
                "other schemes are not built",
            ],
        ),
        (
            "format = \"json\"",
            "format = \"jsno\"",
            &["etc/wine.toml:5: `types.wine.format`: expected one of \"json\"", "nearest is \"json\""],
        ),
        ("format = \"json\"", "format = \"protobuf\"", &["etc/wine.toml:4: `types.wine.schema`: is missing; expected the path"]),
        ("fields = [\"pH\", \"alcohol\"]", "", &["etc/wine.toml:4: `types.wine.fields`: is missing"]),
        (
            "fields = [\"pH\", \"alcohol\"]",
            "fields = { pH = \"nmber\" }",
            &["`types.wine.fields.pH`", "the nearest is \"number\""],
        ),
        ("inputs = [\"wine\"]", "", &["etc/wine.toml:7: `streams.wine.inputs`: is missing"]),
        ("inputs = [\"wine\"]", "inputs = []", &["etc/wine.toml:8: `streams.wine.inputs`: expected names of topics"]),
        (
            "type = { constant = \"wine\" }",
            "type = { constant = \"wien\" }",
            &["etc/wine.toml:9: `streams.wine.type`", "the nearest is `wine`"],
        ),
        (
            "type = { constant = \"wine\" }",
            "type = { consant = \"wine\" }",
            &["9: `streams.wine.type.consant`: is not a key", "nearest is `constant`"],
        ),
        ("type = { constant = \"wine\" }", "type = \"wine\"", &["9: `streams.wine.type`: expected a table", "got \"wine\""]),
        (
            "inputs =",
            "lane = 2\ninputs =",
            &["etc/wine.toml:8: `streams.wine.lane`: is not a key of [streams.wine]; the nearest is `lanes`"],
        ),
        ("inputs =", "lanes = 0\ninputs =", &["8: `streams.wine.lanes`: expected a whole number from 1 to 1024, got 0"]),
        ("inputs =", "lanes = \"2\"\ninputs =", &["8: `streams.wine.lanes`: expected a whole number from 1 to 1024, got \"2\""]),
        ("inputs =", "output = \"wine\"\ninputs =", &["8: `streams.wine.output`: topic \"wine\" is an input"]),
        (
            "inputs =",
            "output = [\"a\", \"b\"]\ninputs =",
            &["8: `streams.wine.output`: expected one topic, or one for each of the 1 inputs, got 2"],
        ),
        (
            "inputs =",
            "commit.interval = \"100\"\ninputs =",
            &["8: `streams.wine.commit.interval`: expected a duration", "got \"100\""],
        ),
        ("inputs =", "commit.intervall = \"1s\"\ninputs =", &["8: `streams.wine.commit.intervall`: is not a key", "`interval`"]),
        ("inputs =", "memory_max = \"512MB\"\ninputs =", &["8: `streams.wine.memory_max`: expected a size", "got \"512MB\""]),
        ("inputs =", "step_max = \"2min\"\ninputs =", &["8: `streams.wine.step_max`: expected 1ms to 60s"]),
        ("inputs =", "wait_max = \"1s\"\ninputs =", &["8: `streams.wine.wait_max`: has a meaning only with"]),
        (
            "inputs =",
            "dead_letter_share_max = 1.5\ninputs =",
            &["8: `streams.wine.dead_letter_share_max`: expected a share", "1.5"],
        ),
        ("[kafka]", "[kafak]", &["2: `kafak`: is not a key of this file; the nearest is `kafka`"]),
        ("[kafka]", "[limits]\nmemory = \"2GiB\"\n[kafka]", &["3: `limits.memory`: is more than a grant may ask for"]),
        ("[kafka]", "[limits.max]\nmemory = \"8GiB\"\n[kafka]", &["3: `limits.max.memory`: expected at most \"4GiB\""]),
        ("[kafka]", "[admin]\nbind = \"0.0.0.0:80\"\n[kafka]", &["3: `admin.bind`: 0.0.0.0:80 can be reached from outside"]),
        ("[kafka]", "[admin]\nbind = \"localhost\"\n[kafka]", &["3: `admin.bind`: expected an address and a port"]),
        (
            "[kafka]",
            "[backends]\nonnx = \"tracked\"\n[kafka]",
            &["3: `backends.onnx`: expected one of \"auto\"", "nearest is \"tract\""],
        ),
        ("[kafka]", "[backends]\nonnx = \"onnxruntime\"\n[kafka]", &["3: `backends.onnx`: ONNX Runtime is a library"]),
        ("[kafka]", "[kafka]\nbrokers = \"twice\"", &["etc/wine.toml:4: duplicate key"]),
        ("[kafka]", "[kafka", &["etc/wine.toml:2: "]),
    ];
    for (line, with, expected) in cases {
        assert!(SMALL.contains(line), "{line}");
        let text = SMALL.replacen(line, with, 1);
        let lines = match parse_with(&text, &[]) {
            Ok(_) => panic!("`{with}` was accepted"),
            Err(lines) => lines,
        };
        for expected in expected {
            assert!(lines.iter().any(|line| line.contains(expected)), "`{with}`: expected {expected}, got {lines:#?}");
        }
    }
}

#[test]
fn all_errors_are_reported_at_once_in_the_order_of_the_file() {
    let lines = parse_with("[types.a]\nformat = \"raw\"\nx = 1\n[admin]\nbnid = \"\"\n", &[]).unwrap_err();
    let places: Vec<_> = lines.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["etc/wine.toml:3", "etc/wine.toml:5"], "{lines:#?}");
}

#[test]
fn two_streams_cannot_share_a_group() {
    let text = format!("{SMALL}group = \"g\"\n[streams.b]\ninputs = [\"b\"]\ntype = {{ constant = \"wine\" }}\ngroup = \"g\"\n");
    let lines = parse_with(&text, &[]).unwrap_err();
    assert!(lines[0].contains("`streams.b.group`") && lines[0].contains("stream `wine`"), "{lines:#?}");
}

#[test]
fn the_environment_lies_over_the_file() {
    let config = parse_with(
        SMALL,
        &[
            ("SANDSTREAM__STREAMS__WINE__LANES", "4"),
            ("SANDSTREAM__STREAMS__WINE__INPUTS", "[\"x\", \"y\"]"),
            ("SANDSTREAM__STREAMS__WINE__COMMIT__INTERVAL", "20ms"),
            ("SANDSTREAM__KAFKA__BROKERS", "other:9092"),
            ("SANDSTREAM__KAFKA__TRANSACTION_TIMEOUT_MS", "30000"),
            ("SANDSTREAM__CONTROL__TOPIC", "m"),
            ("SANDSTREAM_CACHE", "no setting"),
            ("PATH", "no setting"),
        ],
    )
    .unwrap();
    let stream = &config.streams[0];
    assert_eq!((stream.lanes, &stream.inputs[..]), (4, &["x".to_owned(), "y".into()][..]));
    assert_eq!(stream.commit_interval, Duration::from_millis(20));
    assert_eq!(config.kafka.as_ref().unwrap().brokers(), "other:9092");
    assert_eq!(config.kafka.unwrap().transaction_timeout().unwrap(), Duration::from_secs(30));
    assert_eq!(config.control.topic, "m");
    let lines = parse_with(SMALL, &[("SANDSTREAM__STREAMS__WINE__LANE", "4")]).unwrap_err();
    assert!(lines[0].starts_with("environment SANDSTREAM__STREAMS__WINE__LANE: `streams.wine.lane`"), "{lines:#?}");
}

#[test]
fn secrets_are_not_printed() {
    let config = parse_with(SMALL, &[("SANDSTREAM__KAFKA__SASL_PASSWORD", "hunter2")]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

/// The examples are what people copy.
#[test]
fn the_examples_are_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples/wine");
    for name in ["json.toml", "protobuf.toml"] {
        let config = Config::load(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(config.streams.len(), 1, "{name}");
        for spec in &config.types {
            if let Format::Protobuf(format) = &spec.format
                && let sandstream::codec::ProtobufSchema::File(file) = &format.schema
                && !file.exists()
            {
                eprintln!("skipped: {} is not there", file.display());
                continue;
            }
            sandstream::codec::open(spec).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

/// What `json.toml` shows as defaults are the defaults: taking the comment marks away changes nothing.
#[test]
fn the_defaults_that_the_example_shows_are_true() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples/wine/json.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let skipped = ["security", "ssl", "sasl", "types", "instance", "wait_max", "dead_letter_share", "folder", "tokens"];
    let shown: String = text
        .lines()
        .map(|line| {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let setting = bare.starts_with('[') || bare.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
            let kept = setting && !skipped.iter().any(|word| bare.starts_with(word));
            format!("{}\n", if kept { bare } else { line })
        })
        .collect();
    let as_is = Config::parse(&file, &text, std::iter::empty()).unwrap();
    let spelt = Config::parse(&file, &shown, std::iter::empty()).unwrap_or_else(|error| panic!("{error}\n{shown}"));
    assert_eq!(as_is.streams, spelt.streams);
    assert_eq!(
        (as_is.limits, as_is.maxima, as_is.control, as_is.admin),
        (spelt.limits, spelt.maxima, spelt.control, spelt.admin)
    );
    assert_eq!(as_is.wasm.sessions_max, spelt.wasm.sessions_max);
    assert_eq!(as_is.wasm.cache, spelt.wasm.cache);
    assert_eq!(
        as_is.kafka,
        spelt
            .kafka
            .map(|kafka| sandstream::stream::kafka::Config::new(kafka.brokers(), std::collections::BTreeMap::new()).unwrap())
    );
}
