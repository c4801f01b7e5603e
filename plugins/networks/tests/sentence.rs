//! Tokens and means of texts. What is expected was said by `tokenizers` 0.23.3 with the same vocabulary.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::type_complexity, reason = "tables of cases")]

use sandstream_networks::sentence::{Tokenizer, mean};

/// A vocabulary of some pieces, numbered in their order.
const PIECES: [&str; 25] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "boat", "##s", "un", "##load", "##ed", "cafe", "straße", "a", "##b",
    "##a", ",", "!", "-", "東", "京", "σ", "##σ", "i", "'",
];

fn file(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let special = PIECES[..5]
        .iter()
        .zip(0..)
        .map(|(content, id)| serde_json::json!({"id": id, "content": content, "special": true, "normalized": false}));
    let vocab: serde_json::Map<_, _> = PIECES.iter().zip(0..).map(|(piece, id)| ((*piece).to_owned(), id.into())).collect();
    let mut file = serde_json::json!({
        "added_tokens": special.collect::<Vec<_>>(),
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": vocab
        },
    });
    change(&mut file);
    file.to_string().into_bytes()
}

#[test]
fn texts_become_tokens() {
    let tokenizer = Tokenizer::new(&file(|_| {})).unwrap();
    let long = "a".repeat(100);
    let longer = "a".repeat(101);
    let whole: Vec<i64> = std::iter::once(13).chain(std::iter::repeat_n(15, 99)).collect();
    for (text, expected) in [
        ("", &[][..]),
        ("The boats, unloaded!", &[5, 6, 7, 16, 8, 9, 10, 17]),
        ("the\tboat\u{a0}the\u{2028}boat", &[5, 6, 5, 6]),
        ("  the  ", &[5]),
        // Accents go; a letter that is none does not.
        ("Café CAFE\u{301} STRASSE straße", &[11, 11, 1, 12]),
        // A word that cannot be made of pieces is one unknown token, whatever of it is known.
        ("boatx the", &[1, 5]),
        ("abab ba", &[13, 14, 15, 14, 1]),
        ("a-b", &[13, 18, 1]),
        ("東京", &[19, 20]),
        ("a東a", &[13, 19, 13]),
        ("the\u{0}b\u{ad}oat\u{200b}s", &[1]),
        ("b\u{ad}oat\u{200b}s", &[6, 7]),
        ("ΣΣ", &[21, 22]),
        // A capital I with a dot is an i and a mark, which goes.
        ("İ", &[23]),
        ("[SEP]the[MASK]", &[3, 5, 4]),
        ("[sep]", &[1, 1, 1]),
        (&long, &whole),
        (&longer, &[1]),
    ] {
        let mut tokens = vec![77];
        tokenizer.encode(text, 256, &mut tokens);
        let expected: Vec<i64> = [2].iter().chain(expected).chain(&[3]).copied().collect();
        assert_eq!(tokens, expected, "{text:?}");
    }
}

#[test]
fn a_text_is_cut_where_no_more_tokens_are_wanted() {
    let tokenizer = Tokenizer::new(&file(|_| {})).unwrap();
    let mut tokens = Vec::new();
    for (most, expected) in [(2, &[2, 3][..]), (3, &[2, 5, 3]), (4, &[2, 5, 6, 3]), (9, &[2, 5, 6, 7, 16, 5, 3])] {
        tokenizer.encode("the boats, the", most, &mut tokens);
        assert_eq!(tokens, expected, "{most}");
    }
    tokenizer.encode(&"the ".repeat(1_000_000), 5, &mut tokens);
    assert_eq!(tokens, [2, 5, 5, 5, 3]);
}

#[test]
fn a_file_of_another_kind_is_said() {
    let cases: [(&str, fn(&mut serde_json::Value)); 7] = [
        ("\"BertNormalizer\", got \"NFC\"", |file| file["normalizer"]["type"] = "NFC".into()),
        ("true, got false", |file| file["normalizer"]["lowercase"] = false.into()),
        ("takes accents away", |file| file["normalizer"]["strip_accents"] = false.into()),
        ("\"WordPiece\", got \"BPE\"", |file| file["model"]["type"] = "BPE".into()),
        ("an object `vocab`", |file| file["model"]["vocab"] = serde_json::Value::Null),
        ("no number for `[UNK]`", |file| file["model"]["vocab"]["[UNK]"] = (-1).into()),
        ("an added token is empty", |file| file["added_tokens"][0]["content"] = "".into()),
    ];
    for (expected, change) in cases {
        let error = Tokenizer::new(&file(change)).err().expect(expected).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(Tokenizer::new(b"[1").err().unwrap().to_string().contains("no JSON"));
    assert!(Tokenizer::new(b"[1]").is_err());
}

#[test]
fn a_mean_has_unit_length_and_leaves_padding_out() {
    let vectors = [3.0, 0.0, 1.0, 8.0, 99.0, 99.0];
    let mut out = vec![7.0];
    mean(&vectors, 2, 2, &mut out);
    assert_eq!(out[0], 7.0);
    assert!((out[1] - 0.447_213_6).abs() < 1e-6 && (out[2] - 0.894_427_2).abs() < 1e-6, "{out:?}");
    // Nothing to be the mean of is no number to divide by.
    let mut out = Vec::new();
    mean(&[0.0; 4], 2, 2, &mut out);
    mean(&[], 0, 2, &mut out);
    mean(&[], 0, 0, &mut out);
    assert_eq!(out, [0.0; 4]);
}
