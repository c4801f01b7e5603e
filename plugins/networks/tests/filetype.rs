//! What is shown to the network, and what becomes of its answer. `host/tests/examples_native.rs` compares with the package.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sandstream_networks::filetype::{FileType, Mode, Verdict};
use serde_json::{Value, json};

const PADDING: i64 = 256;

fn config() -> Value {
    json!({
        "beg_size": 6, "mid_size": 0, "end_size": 4, "use_inputs_at_offsets": false, "medium_confidence_threshold": 0.5,
        "min_file_size_for_dl": 3, "padding_token": PADDING, "block_size": 10,
        "target_labels_space": ["csv", "png", "randomtxt", "latex"],
        "thresholds": {"latex": 0.9}, "overwrite_map": {"randomtxt": "txt"}
    })
}

fn open(config: &Value, mode: Mode) -> Result<FileType, String> {
    let knowledge = json!({
        "csv": {"is_text": true}, "png": {"is_text": false}, "txt": {"is_text": true}, "latex": {"is_text": true}
    });
    FileType::new(config.to_string().as_bytes(), knowledge.to_string().as_bytes(), mode).map_err(|error| error.to_string())
}

#[test]
fn little_is_known_without_the_network() {
    let knowledge = open(&config(), Mode::default()).unwrap();
    for (content, expected) in [
        (&b""[..], "empty"),
        (b"ab", "txt"),
        (b"\xff\xfe", "unknown"),
        (b"    \t\n\x0b ab", "txt"),
        (b"        \xff\xfe", "unknown"),
        // Only the first block counts, also where a character is cut by its end.
        ("         é".as_bytes(), "unknown"),
        (b"                                  abcdef", "txt"),
    ] {
        let mut tokens = Vec::new();
        assert_eq!(knowledge.look(content, &mut tokens), Some(Verdict { label: expected, score: 1.0 }), "{content:?}");
        assert!(tokens.is_empty(), "{content:?}");
    }
}

#[test]
fn the_network_sees_beginning_and_end() {
    let knowledge = open(&config(), Mode::default()).unwrap();
    let of = |text: &[u8]| text.iter().map(|byte| i64::from(*byte)).collect::<Vec<_>>();
    let pad = |count| vec![PADDING; count];
    for (content, beginning, end) in [
        (&b"abc"[..], [of(b"abc"), pad(3)].concat(), [pad(1), of(b"abc")].concat()),
        (b"abcdefgh", of(b"abcdef"), of(b"efgh")),
        (b"  abc\x0b\n", [of(b"abc\x0b\n"), pad(1)].concat(), of(b" abc")),
        (b"0123456789abcdefghij", of(b"012345"), of(b"ghij")),
        // What lies between the two blocks is never looked at, and each is stripped at its own side.
        (b"       123.......                  ", [of(b"123"), pad(3)].concat(), pad(4)),
    ] {
        let mut tokens = vec![-1];
        assert_eq!(knowledge.look(content, &mut tokens), None, "{content:?}");
        assert_eq!(tokens[1..], [beginning, end].concat(), "{:?}", String::from_utf8_lossy(content));
    }
    assert_eq!((knowledge.tokens(), knowledge.labels()), (10, 4));
}

#[test]
fn what_the_network_is_not_sure_of_is_a_text_or_unknown() {
    use Mode::{BestGuess, HighConfidence, MediumConfidence};
    for (mode, scores, label, score) in [
        (HighConfidence, [0.5, 0.1, 0.1, 0.1], "csv", 0.5),
        (HighConfidence, [0.49, 0.1, 0.1, 0.1], "txt", 0.49),
        (HighConfidence, [0.1, 0.4, 0.4, 0.1], "unknown", 0.4),
        (HighConfidence, [0.0, 0.0, 0.8, 0.1], "txt", 0.8),
        (HighConfidence, [0.0, 0.0, 0.1, 0.89], "txt", 0.89),
        (HighConfidence, [0.0, 0.0, 0.1, 0.91], "latex", 0.91),
        (MediumConfidence, [0.0, 0.0, 0.1, 0.6], "latex", 0.6),
        (MediumConfidence, [0.0, 0.0, 0.1, 0.4], "txt", 0.4),
        (BestGuess, [0.0, 0.2, 0.1, 0.1], "png", 0.2),
        (BestGuess, [0.0, f32::NAN, 0.1, 0.05], "txt", 0.1),
    ] {
        let knowledge = open(&config(), mode).unwrap();
        assert_eq!(knowledge.verdict(&scores), Some(Verdict { label, score }), "{mode:?} {scores:?}");
    }
    let knowledge = open(&config(), HighConfidence).unwrap();
    assert_eq!(knowledge.verdict(&[f32::NAN; 4]), None);
    assert_eq!(knowledge.verdict(&[]), None);
    assert_eq!(knowledge.verdict(&[0.0, 0.0, 0.0, 0.0, 1.0]), None, "a score of no label");
}

#[test]
fn what_cannot_be_used_is_said() {
    let cases: [(&str, &str, Value); 9] = [
        ("beg_size", "a whole number `beg_size`", json!(-1)),
        ("mid_size", "not made here", json!(64)),
        ("use_inputs_at_offsets", "not made here", json!(true)),
        ("block_size", "below block_size", json!(6)),
        ("min_file_size_for_dl", "from 1 to beg_size", json!(0)),
        ("target_labels_space", "nothing is known of the type `gif`", json!(["gif"])),
        ("target_labels_space", "has a name twice", json!(["csv", "csv"])),
        ("thresholds", "the threshold of `latex`", json!({"latex": "high"})),
        ("medium_confidence_threshold", "a number `medium_confidence_threshold`", json!(null)),
    ];
    for (key, expected, value) in cases {
        let mut changed = config();
        changed[key] = value;
        let error = open(&changed, Mode::default()).err().expect(expected);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert_eq!("medium-confidence".parse(), Ok(Mode::MediumConfidence));
    let error = "sure".parse::<Mode>().unwrap_err().to_string();
    assert!(error.contains("best-guess, got `sure`"), "{error}");
}
