//! What the derives refuse, and that they say what to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use syn::{DeriveInput, parse_str};

use crate::{features, outputs};

#[test]
fn what_cannot_be_a_row_is_refused_with_what_to_do() {
    let cases = [
        ("enum Wine { Red }", "`Wine` is an enum: write `struct Wine { .. }`"),
        ("struct Wine;", "`Wine` has no fields"),
        ("struct Wine {}", "`Wine` has no fields"),
        ("struct Wine(f32);", "has fields without names"),
        ("struct Wine<T> { a: T }", "write the type or number itself"),
        ("struct Wine<'a, 'b> { a: &'a str, b: &'b str }", "use one lifetime for all fields"),
        ("struct Wine { a: u32 }", "expected f32, f64, i64, &str"),
        ("struct Wine { a: Vec<f32> }", "expected f32, f64, i64, &str"),
        ("struct Wine { a: Option<Option<f32>> }", "expected f32, f64, i64, &str"),
        ("struct Wine<'a> { a: &'a mut str }", "expected f32, f64, i64, &str"),
        ("struct Wine { a: Option<i64> }", "`Option<f64>` where it may be missing"),
        ("struct Wine { #[field(nome = \"b\")] a: f32 }", "expected `#[field(name = \"..\")]`"),
        ("struct Wine { #[field(name = \" \")] a: f32 }", "the name is empty"),
        ("struct Wine { #[field(name = \"b\", name = \"c\")] a: f32 }", "given twice"),
        ("struct Wine { #[field(name = 3)] a: f32 }", "expected string literal"),
        ("struct Wine { free_acid: f32, #[field(name = \"Free Acid\")] a: f32 }", "another field called `Free Acid`"),
        ("struct Wine { #[field(name = \"$value\")] a: f32 }", "`$value` can only be read as &str, String"),
        ("struct Wine { #[field(name = \"$timestamp\")] a: String }", "`$timestamp` can only be read as i64"),
        ("struct Wine { #[field(name = \"$offset\")] a: i64 }", "`$offset` is not known"),
    ];
    for (source, words) in cases {
        let input: DeriveInput = parse_str(source).expect(source);
        let error = features::expand(&input).expect_err(source).to_string();
        assert!(error.contains(words), "{source}: {error}");
    }
}

#[test]
fn what_cannot_be_an_answer_is_refused_with_what_to_do() {
    let cases = [
        ("enum Quality { Good }", "`Quality` is an enum: write `struct Quality { .. }`"),
        ("struct Quality<'a> { a: &'a str }", "own what it holds"),
        ("struct Quality { #[output(width = 3)] a: f32 }", "expected `#[output(name = \"..\")]`"),
        ("struct Quality { a: f32, #[output(name = \"A\")] b: f32 }", "another field called `A`"),
    ];
    for (source, words) in cases {
        let input: DeriveInput = parse_str(source).expect(source);
        let error = outputs::expand(&input).expect_err(source).to_string();
        assert!(error.contains(words), "{source}: {error}");
    }
}

#[test]
fn every_way_to_write_a_type_is_read() {
    let source = "struct Row<'a> { a: f32, b: Option<f32>, c: f64, d: std::option::Option<f64>, e: i64, f: &'a str, \
                  g: Option<&'a str>, h: String, i: Option<std::string::String>, j: &'a [u8], k: Vec<u8>, r#type: Option<Vec<u8>> }";
    let written = features::expand(&parse_str(source).unwrap()).unwrap().to_string().replace(' ', "");
    for words in ["[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"e\"]", "[\"f\",\"g\",\"h\",\"i\"]", "[\"j\",\"k\",\"type\"]"] {
        assert!(written.contains(words), "{words} in {written}");
    }
}
