//! Golden files: records, and what a model has to say to them.
//!
//! One case a line, as JSON: `{"record": {..}, "outputs": {"score": 12.7}}`, with a list where an output is wider than one, or
//! `{"record": {..}, "rejected": "part of the reason"}`. Floats may differ by `"tolerance"` (1e-6 where a case does not say), in the
//! sense |a-b| <= tolerance * max(1, |b|); integers, texts and bytes are equal. A record of a format other than JSON is a text in
//! `"record"`. A case with neither is one whose answer is still to be written down. Empty lines and lines that begin with `//` are passed over.

mod put;

use std::fmt;

use serde_json::{Map, Value, json};

pub(super) use put::agree;
pub use put::{answers, mismatches, settled};

/// By how much a float may differ where a case does not say.
const TOLERANCE: f64 = 1e-6;

/// One line of a golden file.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its line, from 1.
    pub line: usize,
    /// The record.
    pub record: Value,
    /// What the model has to say; `None` where that is still to be written down.
    pub expected: Option<Answer>,
    /// By how much a float may differ.
    pub tolerance: f64,
}

/// What a model says to a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Outputs by name.
    Outputs(Map<String, Value>),
    /// Refused: the reason, or, where it is expected, a part of it.
    Rejected(String),
}

/// A golden file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// What was expected and what came.
    pub reason: String,
}

/// One thing that a model said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// Line of the golden file.
    pub line: usize,
    /// Which output; empty where it is about the row as a whole.
    pub output: String,
    /// As the golden file has it.
    pub expected: String,
    /// As the model said it.
    pub got: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let output = if self.output.is_empty() { String::new() } else { format!(" `{}`", self.output) };
        write!(f, "line {}{output}: expected {}, got {}", self.line, self.expected, self.got)
    }
}

impl Case {
    /// The record's bytes, as they would come in: a text as it is, anything else as JSON.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match &self.record {
            Value::String(text) => text.clone().into_bytes(),
            other => other.to_string().into_bytes(),
        }
    }

    /// What of a model's answer is not as expected.
    #[must_use]
    pub fn compare(&self, got: &Answer) -> Vec<Mismatch> {
        let mismatch =
            |output: &str, expected: String, got: String| Mismatch { line: self.line, output: output.to_owned(), expected, got };
        let Some(expected) = &self.expected else {
            return vec![mismatch("", "nothing yet".to_owned(), got.shown())];
        };
        match (expected, got) {
            (Answer::Rejected(part), Answer::Rejected(reason)) if reason.contains(part.as_str()) => Vec::new(),
            (Answer::Outputs(expected), Answer::Outputs(got)) => {
                let names = expected.keys().chain(got.keys().filter(|name| !expected.contains_key(*name)));
                let differs = |name: &&String| match (expected.get(*name), got.get(*name)) {
                    (Some(expected), Some(got)) => !same(expected, got, self.tolerance),
                    _ => true,
                };
                let shown = |answer: &Map<String, Value>, name: &str| {
                    answer.get(name).map_or("no such output".to_owned(), Value::to_string)
                };
                names.filter(differs).map(|name| mismatch(name, shown(expected, name), shown(got, name))).collect()
            }
            (expected, got) => vec![mismatch("", expected.shown(), got.shown())],
        }
    }

    /// The line with another answer in place of the expected one.
    #[must_use]
    pub fn with(&self, answer: &Answer) -> String {
        let mut line = match answer {
            Answer::Outputs(outputs) => json!({ "record": self.record, "outputs": outputs }),
            Answer::Rejected(reason) => json!({ "record": self.record, "rejected": reason }),
        };
        if self.tolerance != TOLERANCE {
            line["tolerance"] = json!(self.tolerance);
        }
        line.to_string()
    }
}

impl Answer {
    fn shown(&self) -> String {
        match self {
            Self::Outputs(outputs) => Value::Object(outputs.clone()).to_string(),
            Self::Rejected(reason) => format!("rejected: {reason}"),
        }
    }
}

/// Reads a golden file.
///
/// # Errors
/// The first line that is none of the two forms.
pub fn parse(text: &str) -> Result<Vec<Case>, Unreadable> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !is_comment(line));
    lines.map(|(line, text)| case(line, text).map_err(|reason| Unreadable { line, reason })).collect()
}

/// Whether a line of a golden file is no case.
#[must_use]
pub fn is_comment(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with("//")
}

pub(super) fn case(line: usize, text: &str) -> Result<Case, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("expected a JSON object, got {error}"))?;
    let Value::Object(mut object) = value else { return Err("expected a JSON object".to_owned()) };
    let record = object.remove("record").ok_or("expected a key `record`")?;
    let tolerance = match object.remove("tolerance") {
        None => TOLERANCE,
        Some(value) => value
            .as_f64()
            .filter(|n| *n >= 0.0)
            .ok_or_else(|| format!("`tolerance`: expected a number of 0 or more, got {value}"))?,
    };
    let expected = match (object.remove("outputs"), object.remove("rejected")) {
        (Some(Value::Object(outputs)), None) => Some(Answer::Outputs(outputs)),
        (None, Some(Value::String(part))) => Some(Answer::Rejected(part)),
        (None, None) => None,
        _ => return Err("expected one of `outputs`: {name: value}, and `rejected`: \"part of the reason\"".to_owned()),
    };
    match object.keys().next() {
        Some(key) => Err(format!("`{key}` is no key of a case; there are record, outputs, rejected, tolerance")),
        None => Ok(Case { line, record, expected, tolerance }),
    }
}

/// Whether two values are the same: numbers of which one is a float within the tolerance, everything else equal.
fn same(expected: &Value, got: &Value, tolerance: f64) -> bool {
    match (expected, got) {
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| same(expected, got, tolerance))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => match (a.as_f64(), b.as_f64()) {
            (Some(expected), Some(got)) => near(expected, got, tolerance),
            _ => false,
        },
        _ => expected == got,
    }
}

/// Whether a float is near enough to what is expected.
pub(super) fn near(expected: f64, got: f64, tolerance: f64) -> bool {
    (expected - got).abs() <= tolerance * expected.abs().max(1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn outputs(text: &str) -> Answer {
        let Value::Object(outputs) = serde_json::from_str(text).unwrap() else { return Answer::Rejected(text.to_owned()) };
        Answer::Outputs(outputs)
    }

    #[test]
    fn an_answer_is_compared_as_its_case_says() {
        let score = r#"{"record": {"a": 1}, "outputs": {"score": 12.7}}"#;
        let wide = r#"{"record": {}, "outputs": {"p": [0.5, 0.5], "n": 3, "t": "x"}, "tolerance": 0.01}"#;
        let refused = r#"{"record": {}, "rejected": "missing"}"#;
        let cases = [
            (score, outputs(r#"{"score": 12.700001}"#), ""),
            (score, outputs(r#"{"score": 12.8}"#), "line 1 `score`: expected 12.7, got 12.8"),
            (score, outputs(r#"{"score": 12.7, "more": 1}"#), "line 1 `more`: expected no such output, got 1"),
            (score, outputs("{}"), "line 1 `score`: expected 12.7, got no such output"),
            (score, outputs(r#"{"score": null}"#), "line 1 `score`: expected 12.7, got null"),
            (score, Answer::Rejected("no".to_owned()), "line 1: expected {\"score\":12.7}, got rejected: no"),
            (wide, outputs(r#"{"p": [0.501, 0.499], "n": 3, "t": "x"}"#), ""),
            (wide, outputs(r#"{"p": [0.5], "n": 3, "t": "x"}"#), "line 1 `p`: expected [0.5,0.5], got [0.5]"),
            (wide, outputs(r#"{"p": [0.5, 0.5], "n": 4, "t": "x"}"#), "line 1 `n`: expected 3, got 4"),
            (refused, Answer::Rejected("pH is missing".to_owned()), ""),
            (refused, Answer::Rejected("no".to_owned()), "line 1: expected rejected: missing, got rejected: no"),
        ];
        for (line, got, wrong) in cases {
            let found = parse(line).unwrap()[0].compare(&got);
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "), wrong, "{line} against {got:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_case_is_named() {
        let cases = [
            ("// a remark\n\n{\"record\": 1, \"outputs\": {}}\n[]", "line 4: expected a JSON object"),
            ("{\"outputs\": {}}", "line 1: expected a key `record`"),
            ("{\"record\": {}, \"outputs\": {}, \"rejected\": \"\"}", "line 1: expected one of `outputs`"),
            ("{\"record\": {}, \"outputs\": {}, \"tolerence\": 1}", "line 1: `tolerence` is no key"),
            ("{\"record\": {}, \"outputs\": {}, \"tolerance\": -1}", "line 1: `tolerance`: expected a number of 0 or more"),
        ];
        for (text, words) in cases {
            let error = parse(text).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with(words), "{text:?}: {error}");
        }
    }
}
