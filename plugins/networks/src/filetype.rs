//! The type of a file by its content, as magika 1.0 finds it: a network looks at the beginning and the end of the content, and a
//! label that it is not sure of becomes `txt` or `unknown`. The facts are those of the package's `magika.py`, written anew.

use std::collections::HashSet;
use std::str::FromStr;

use serde_json::Value;

use crate::Unreadable;
use crate::written::{count, object, parse, text, unreadable};

/// How sure the network has to be for its label to stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// As sure as the label's own threshold says.
    #[default]
    HighConfidence,
    /// As sure as the threshold of all labels says.
    MediumConfidence,
    /// Its label stands.
    BestGuess,
}

impl FromStr for Mode {
    type Err = Unreadable;

    fn from_str(word: &str) -> Result<Self, Unreadable> {
        match word {
            "" | "high-confidence" => Ok(Self::HighConfidence),
            "medium-confidence" => Ok(Self::MediumConfidence),
            "best-guess" => Ok(Self::BestGuess),
            other => Err(unreadable(format_args!("expected high-confidence, medium-confidence or best-guess, got `{other}`"))),
        }
    }
}

/// What a content is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict<'a> {
    /// The type's name, as the package calls it.
    pub label: &'a str,
    /// The network's score of the label that it found likeliest; 1 where it was not asked.
    pub score: f32,
}

/// A label that the network knows.
struct Label {
    /// What it is given out as.
    shown: String,
    /// Whether what is given out is a text.
    is_text: bool,
    /// From which score on it stands.
    threshold: f64,
}

/// What is to be known beside the network.
pub struct FileType {
    beginning: usize,
    end: usize,
    block: usize,
    /// A content with less than that is not shown to the network.
    least: usize,
    padding: i64,
    labels: Vec<Label>,
}

impl FileType {
    /// Reads the package's `config.min.json` and `content_types_kb.min.json`.
    ///
    /// # Errors
    /// A file lacks something, or asks for features that this does not make.
    pub fn new(config: &[u8], knowledge: &[u8], mode: Mode) -> Result<Self, Unreadable> {
        let config = parse(config)?;
        if count(&config, "mid_size")? != 0 || config.get("use_inputs_at_offsets").and_then(Value::as_bool) != Some(false) {
            return Err(unreadable("features of a content's middle, or at offsets, are not made here"));
        }
        let this = Self {
            beginning: count(&config, "beg_size")?,
            end: count(&config, "end_size")?,
            block: count(&config, "block_size")?,
            least: count(&config, "min_file_size_for_dl")?,
            padding: count(&config, "padding_token")? as i64,
            labels: labels(&config, &parse(knowledge)?, mode)?,
        };
        if this.beginning >= this.block || this.end >= this.block || this.least == 0 || this.least > this.beginning {
            return Err(unreadable(
                "expected beg_size and end_size below block_size, and min_file_size_for_dl from 1 to beg_size",
            ));
        }
        Ok(this)
    }

    /// Tokens that the network takes for a content.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.beginning + self.end
    }

    /// Scores that it gives.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.labels.len()
    }

    /// What a content is, where that can be said without the network; otherwise its tokens are added to `tokens`.
    pub fn look(&self, content: &[u8], tokens: &mut Vec<i64>) -> Option<Verdict<'static>> {
        if content.is_empty() {
            return Some(Verdict { label: "empty", score: 1.0 });
        }
        let first = content.get(..self.block).unwrap_or(content);
        let stripped = &first[first.iter().take_while(|byte| is_space(**byte)).count()..];
        if content.len() < self.least || stripped.len() < self.least {
            let label = if std::str::from_utf8(first).is_ok() { "txt" } else { "unknown" };
            return Some(Verdict { label, score: 1.0 });
        }
        let beginning = stripped.get(..self.beginning).unwrap_or(stripped);
        tokens.extend(beginning.iter().map(|byte| i64::from(*byte)));
        tokens.extend(std::iter::repeat_n(self.padding, self.beginning - beginning.len()));
        let last = &content[content.len().saturating_sub(self.block)..];
        let stripped = &last[..last.len() - last.iter().rev().take_while(|byte| is_space(**byte)).count()];
        let end = &stripped[stripped.len().saturating_sub(self.end)..];
        tokens.extend(std::iter::repeat_n(self.padding, self.end - end.len()));
        tokens.extend(end.iter().map(|byte| i64::from(*byte)));
        None
    }

    /// What a content is, by the network's scores of the labels. None where there are no scores.
    #[must_use]
    pub fn verdict(&self, scores: &[f32]) -> Option<Verdict<'_>> {
        // The first of the highest, and never a score that is none.
        let better = |best: Option<(usize, f32)>, (at, score): (usize, f32)| match best {
            Some((_, highest)) if score > highest => Some((at, score)),
            None if !score.is_nan() => Some((at, score)),
            best => best,
        };
        let (at, score) = scores.iter().copied().enumerate().fold(None, better)?;
        let label = self.labels.get(at)?;
        let generic = if label.is_text { "txt" } else { "unknown" };
        let stands = f64::from(score) >= label.threshold;
        Some(Verdict { label: if stands { &label.shown } else { generic }, score })
    }
}

/// What Python's `bytes.strip` takes away; it counts the vertical tab, which `u8::is_ascii_whitespace` does not.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn labels(config: &Value, knowledge: &Value, mode: Mode) -> Result<Vec<Label>, Unreadable> {
    let expected = || unreadable("expected a list of names `target_labels_space`");
    let names = config.get("target_labels_space").and_then(Value::as_array).ok_or_else(expected)?;
    let names: Vec<&str> = names.iter().map(|name| name.as_str().ok_or_else(expected)).collect::<Result<_, _>>()?;
    if names.iter().collect::<HashSet<_>>().len() != names.len() {
        return Err(unreadable("`target_labels_space` has a name twice"));
    }
    let medium = config.get("medium_confidence_threshold").and_then(Value::as_f64);
    let medium = medium.ok_or_else(|| unreadable("expected a number `medium_confidence_threshold`"))?;
    let (own, shown) = (object(config, "thresholds")?, object(config, "overwrite_map")?);
    let label = |name: &&str| {
        let shown = if shown.contains_key(*name) { text(&config["overwrite_map"], name)? } else { name };
        let is_text = knowledge.get(shown).and_then(|about| about.get("is_text")).and_then(Value::as_bool);
        let threshold = match mode {
            Mode::BestGuess => f64::NEG_INFINITY,
            Mode::MediumConfidence => medium,
            Mode::HighConfidence => own
                .get(*name)
                .map_or(Some(medium), Value::as_f64)
                .ok_or_else(|| unreadable(format_args!("expected a number as the threshold of `{name}`")))?,
        };
        Ok(Label {
            shown: shown.to_owned(),
            is_text: is_text.ok_or_else(|| unreadable(format_args!("nothing is known of the type `{shown}`")))?,
            threshold,
        })
    };
    names.iter().map(label).collect()
}
