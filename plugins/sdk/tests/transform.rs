//! The transforms against scikit-learn: what is expected here was printed by `transform.py` beside this file.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sandstream_guest::Reject;
use sandstream_guest::transform::{Buckets, Hashing, MinMax, Ngrams, OneHot, Standard, Vocabulary, murmur3, unit_length};

#[test]
fn numbers_are_scaled_as_scikit_learn_does() {
    let standard = Standard::new(3.875, 2.8804296554507283);
    let minmax = MinMax::new(1.0, 8.5);
    let scaled = [-3.0, 0.0, 4.0, 100.0].map(|value| standard.apply(value));
    assert_eq!(scaled, [-2.386796701315104, -1.3452854134685133, 0.04339630366027462, 33.37175751475118]);
    let values = [-3.0, 1.0, 4.0, 100.0];
    assert_eq!(values.map(|value| minmax.apply(value)), [-0.5333333333333333, 0.0, 0.4, 13.200000000000001]);
    assert_eq!(values.map(|value| minmax.clipped(value)), [0.0, 0.0, 0.4, 1.0]);
    assert_eq!([3.0, 5.0].map(|value| Standard::new(3.0, 0.0).apply(value)), [0.0, 2.0]);
    assert_eq!([3.0, 5.0].map(|value| MinMax::new(3.0, 3.0).apply(value)), [0.0, 2.0]);
    for scaled in [standard.apply(f32::NAN), minmax.apply(f64::NAN), minmax.clipped(f64::NAN)] {
        assert!(scaled.is_nan());
    }
}

#[test]
fn vectors_get_unit_length() {
    for (mut vector, expected) in [([3.0, -4.0, 0.0], [0.6, -0.8, 0.0]), ([0.0; 3], [0.0; 3])] {
        unit_length(&mut vector);
        assert_eq!(vector, expected);
    }
}

#[test]
fn categories_get_a_column_each() {
    const PURPOSE: OneHot<3> = OneHot::new(["car", "house", "study"]);
    assert_eq!((PURPOSE.encode("house"), PURPOSE.encode("boat")), ([0.0, 1.0, 0.0], [0.0; 3]));
    assert_eq!((PURPOSE.index("study"), PURPOSE.index("Study")), (Some(2), None));
    assert_eq!(PURPOSE.known("purpose", "car"), Ok(0));
    let reject = PURPOSE.known("purpose", "boat").unwrap_err();
    assert!(matches!(reject, Reject::UnknownCategory { .. }));
    assert_eq!(reject.to_string(), "purpose is \"boat\", which is none of car, house, study");
    // Categories that are only known at load.
    let read = OneHot::new(["red".to_owned(), "white".to_owned()]);
    assert_eq!(read.encode("white"), [0.0, 1.0]);
}

#[test]
fn numbers_fall_into_the_buckets_of_digitize() {
    const QUARTERS: Buckets<3> = Buckets::new([25.0, 50.0, 75.0]);
    let values = [-1e9, 0.0, 24.999, 25.0, 74.9, 75.0, 1e9];
    assert_eq!(values.map(|value| QUARTERS.index(value)), [0, 0, 0, 1, 2, 3, 3].map(Some));
    assert_eq!(QUARTERS.index(f64::NAN), None);
    assert_eq!(Buckets::new([]).index(3.0), Some(0));
}

#[test]
fn the_hash_is_murmur3() {
    let long = "x".repeat(33);
    let cases = [
        ("", 0, 0),
        ("", 1, 1_364_076_727),
        ("a", 0, 1_009_084_850),
        ("ab", 0, 2_613_040_991),
        ("abc", 0, 3_017_643_002),
        ("abcd", 0, 1_139_631_978),
        ("purpose=car", 0, 2_675_681_817),
        ("été", 7, 1_591_423_160),
        (&long, u32::MAX, 2_315_504_504),
    ];
    for (text, seed, expected) in cases {
        assert_eq!(murmur3(text.as_bytes(), seed), expected, "{text}, {seed}");
    }
}

#[test]
fn names_are_hashed_into_the_columns_of_feature_hasher() {
    let mut vector = [0.0; 6];
    for (name, weight) in [("age", 2.5), ("purpose=car", 1.0), ("zip", -1.0), ("kids", 4.0), ("pets", 8.0)] {
        Hashing::<6>.add(name, weight, &mut vector);
    }
    assert_eq!(vector, [0.0, 1.5, 0.0, -8.0, 4.0, 1.0]);
}

fn grams(ngrams: &mut Ngrams, text: &str) -> Vec<String> {
    let mut grams = Vec::new();
    ngrams.each(text, |gram| grams.push(gram.to_owned()));
    grams
}

const SENTENCE: &str = "The café_1 is  OPEN, d'été: a x 42!";

#[test]
fn texts_are_cut_into_the_ngrams_of_count_vectorizer() {
    // One after the other with the same buffers.
    let mut words = Ngrams::words(1..=2);
    let cases = [
        (SENTENCE, "the|café_1|is|open|été|42|the café_1|café_1 is|is open|open été|été 42"),
        ("ab\tab \u{1c} cd", "ab|ab|cd|ab ab|ab cd"),
        ("", ""),
        ("ΟΔΟΣ Straße", "οδος|straße|οδος straße"),
        ("no no no", "no|no|no|no no|no no"),
    ];
    for (text, expected) in cases {
        assert_eq!(grams(&mut words, text).join("|"), expected, "{text}");
    }
    let mut chars = Ngrams::chars(2..=3);
    let cases = [
        ("ab\tab \u{1c} cd", "ab|b\t|\ta|ab|b | c|cd|ab\t|b\ta|\tab|ab |b c| cd"),
        ("", ""),
        ("ΟΔΟΣ Straße", "οδ|δο|ος|ς | s|st|tr|ra|aß|ße|οδο|δος|ος |ς s| st|str|tra|raß|aße"),
        ("no no no", "no|o | n|no|o | n|no|no |o n| no|no |o n| no"),
    ];
    for (text, expected) in cases {
        assert_eq!(grams(&mut chars, text).join("|"), expected, "{text}");
    }
}

#[test]
fn lengths_beyond_the_text_are_none() {
    assert_eq!(grams(&mut Ngrams::chars(0..=usize::MAX), "abc"), ["a", "b", "c", "ab", "bc", "abc"]);
    assert_eq!(grams(&mut Ngrams::words(3..=9), "two words"), [""; 0]);
    #[expect(clippy::reversed_empty_ranges, reason = "it has to be harmless")]
    let none = grams(&mut Ngrams::chars(3..=2), "abcdef");
    assert_eq!(none, [""; 0]);
}

#[test]
fn hashed_words_are_those_of_hashing_vectorizer() {
    let mut vector = [0.0; 8];
    Ngrams::words(1..=2).each(SENTENCE, |gram| Hashing::<8>.add(gram, 1.0, &mut vector));
    unit_length(&mut vector);
    let third = 1.0 / 3.0;
    assert_eq!(vector, [0.0, -third, -third, 0.0, third, third, -2.0 * third, third]);
}

#[test]
fn a_vocabulary_gives_each_term_its_place() {
    let vocabulary = Vocabulary::new(["crash", "login", "zoom", "été"]).unwrap();
    assert_eq!(["login", "été", "log", "crash"].map(|term| vocabulary.index(term)), [Some(1), Some(3), None, Some(0)]);
    assert_eq!((vocabulary.len(), vocabulary.is_empty()), (4, false));
    for terms in [["b", "a"], ["a", "a"]] {
        let error = Vocabulary::new(terms).unwrap_err().to_string();
        assert!(error.contains("term 1") && error.contains("sort them, each once"), "{error}");
    }
    assert!(Vocabulary::new([""; 0]).unwrap().is_empty());
}
