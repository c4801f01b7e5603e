//! Texts to short pieces.

use std::ops::{Range, RangeInclusive};

/// Cuts a text, in lower case, into its n-grams: runs of words, or of characters, of every length in a range. They are those of
/// scikit-learn's `CountVectorizer` and `HashingVectorizer` with their defaults and `ngram_range` as given.
///
/// - [`words`](Self::words), `analyzer="word"`: a word is two or more letters, digits or `_`, one after the other; all else parts
///   words. A run of words is joined by single spaces.
/// - [`chars`](Self::chars), `analyzer="char"`: two or more white-space characters count as one space.
///
/// Letters and digits are Unicode's Alphabetic and Numeric. Python does not count combining vowel signs, as Devanagari has them,
/// among the letters, so words of such scripts are cut otherwise there.
///
/// The time goes with the length of the text, times that of the range: cut what a record may bring to what a row may cost, as
/// `text.get(..text.floor_char_boundary(512))` does.
///
/// It keeps its buffers, so keep it in the model and use it for every row; then only texts beyond ASCII allocate.
#[derive(Debug, Clone)]
pub struct Ngrams {
    unit: Unit,
    lengths: RangeInclusive<usize>,
    /// The text in lower case.
    lower: String,
    /// That, with nothing between its units but what belongs there, so that each n-gram is a part of it.
    text: String,
    /// Where the units lie in it.
    units: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Word,
    Char,
}

impl Ngrams {
    /// Runs of so many words. A length of 0 is none.
    #[must_use]
    pub const fn words(lengths: RangeInclusive<usize>) -> Self {
        Self { unit: Unit::Word, lengths, lower: String::new(), text: String::new(), units: Vec::new() }
    }

    /// Runs of so many characters. A length of 0 is none.
    #[must_use]
    pub const fn chars(lengths: RangeInclusive<usize>) -> Self {
        Self { unit: Unit::Char, lengths, lower: String::new(), text: String::new(), units: Vec::new() }
    }

    /// Hands over each n-gram: first all of the shortest length, in the order of the text, then the longer ones.
    pub fn each(&mut self, text: &str, mut take: impl FnMut(&str)) {
        self.text.clear();
        self.units.clear();
        let lower = self.lowered(text);
        match self.unit {
            Unit::Word => self.cut_words(&lower),
            Unit::Char => self.cut_chars(&lower),
        }
        self.lower = lower;
        // No run is longer than the text, however far the range goes.
        for length in (*self.lengths.start()).max(1)..=(*self.lengths.end()).min(self.units.len()) {
            for run in self.units.windows(length) {
                let [first, ..] = run else { continue };
                let end = run.last().map_or(first.end, |last| last.end);
                take(self.text.get(first.start..end).unwrap_or_default());
            }
        }
    }

    /// The text in lower case, in the buffer for it, which has to be put back.
    fn lowered(&mut self, text: &str) -> String {
        // Beyond ASCII a letter may become several, and it depends on those around it.
        if !text.is_ascii() {
            return text.to_lowercase();
        }
        let mut lower = std::mem::take(&mut self.lower);
        lower.clear();
        lower.push_str(text);
        lower.make_ascii_lowercase();
        lower
    }

    fn cut_words(&mut self, lower: &str) {
        for word in lower.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
            if word.chars().nth(1).is_none() {
                continue;
            }
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            let start = self.text.len();
            self.text.push_str(word);
            self.units.push(start..self.text.len());
        }
    }

    fn cut_chars(&mut self, lower: &str) {
        let mut rest = lower.chars().peekable();
        while let Some(mut c) = rest.next() {
            // A single one stays what it is, be it a tab.
            while is_space(c) && rest.next_if(|next| is_space(*next)).is_some() {
                c = ' ';
            }
            let start = self.text.len();
            self.text.push(c);
            self.units.push(start..self.text.len());
        }
    }
}

/// What Python takes for white space: four control characters more than Unicode's property.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}
