//! WordPiece as BERT has it: a word is cut into the longest pieces that the vocabulary has. Read from a `tokenizer.json`.

use std::collections::HashMap;

use serde_json::Value;

use super::normal::normal;
use super::words::words;
use crate::Unreadable;
use crate::written::{count, object, parse, text, unreadable};

/// A vocabulary and how a text becomes tokens of it.
pub struct Tokenizer {
    /// Pieces that a word begins with.
    first: HashMap<Box<str>, u32>,
    /// Pieces that go on with a word, without the mark by which the vocabulary tells them.
    further: HashMap<Box<str>, u32>,
    /// Tokens that stand in a text as they are written, before anything is done to it.
    special: Vec<(Box<str>, u32)>,
    /// Bytes of the longest piece.
    longest: usize,
    word_max: usize,
    unknown: u32,
    begins: u32,
    ends: u32,
    padding: u32,
}

impl Tokenizer {
    /// Reads the file of a `BertNormalizer`, `BertPreTokenizer` and `WordPiece`, uncased.
    ///
    /// # Errors
    /// The file is of another kind, or lacks something.
    pub fn new(file: &[u8]) -> Result<Self, Unreadable> {
        let file = parse(file)?;
        let (normalizer, model) = (&file["normalizer"], &file["model"]);
        for (is, wanted) in [
            (&normalizer["type"], Value::from("BertNormalizer")),
            (&normalizer["clean_text"], true.into()),
            (&normalizer["handle_chinese_chars"], true.into()),
            (&normalizer["lowercase"], true.into()),
            (&file["pre_tokenizer"]["type"], "BertPreTokenizer".into()),
            (&model["type"], "WordPiece".into()),
        ] {
            if *is != wanted {
                return Err(unreadable(format_args!("expected an uncased WordPiece tokenizer of BERT: {wanted}, got {is}")));
            }
        }
        if normalizer["strip_accents"] == false {
            return Err(unreadable("expected a tokenizer that takes accents away"));
        }
        let vocabulary = object(model, "vocab")?;
        let id = |token: &str| {
            let id = vocabulary.get(token).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
            id.ok_or_else(|| unreadable(format_args!("the vocabulary has no number for `{token}`")))
        };
        let mark = text(model, "continuing_subword_prefix")?;
        let (mut first, mut further) = (HashMap::new(), HashMap::new());
        for piece in vocabulary.keys() {
            match piece.strip_prefix(mark) {
                Some(rest) if !mark.is_empty() => further.insert(rest.into(), id(piece)?),
                _ => first.insert(piece.as_str().into(), id(piece)?),
            };
        }
        let added = file["added_tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
        let plain = |token: &&Value| token["normalized"] == false;
        let special = added.iter().filter(plain).map(|token| {
            let content = text(token, "content")?;
            if content.is_empty() { Err(unreadable("an added token is empty")) } else { Ok((content.into(), id(content)?)) }
        });
        Ok(Self {
            longest: vocabulary.keys().map(String::len).max().unwrap_or_default(),
            special: special.collect::<Result<_, _>>()?,
            word_max: count(model, "max_input_chars_per_word")?,
            unknown: id(text(model, "unk_token")?)?,
            begins: id("[CLS]")?,
            ends: id("[SEP]")?,
            padding: id("[PAD]")?,
            first,
            further,
        })
    }

    /// The token that fills up a row.
    #[must_use]
    pub fn padding(&self) -> i64 {
        i64::from(self.padding)
    }

    /// The tokens of a text in place of what `tokens` has, its beginning and end marked; what goes beyond `most` is cut off.
    pub fn encode(&self, text: &str, most: usize, tokens: &mut Vec<i64>) {
        tokens.clear();
        tokens.push(i64::from(self.begins));
        let most = most.saturating_sub(1).max(1);
        let mut rest = text;
        while !rest.is_empty() && tokens.len() < most {
            let next = self.next_special(rest);
            let (plain, special) = rest.split_at(next.map_or(rest.len(), |(at, ..)| at));
            words(normal(plain), |word| {
                self.pieces(word, tokens);
                tokens.len() < most
            });
            rest = special;
            if let Some((_, length, id)) = next {
                tokens.push(i64::from(id));
                rest = special.get(length..).unwrap_or_default();
            }
        }
        tokens.truncate(most);
        tokens.push(i64::from(self.ends));
    }

    /// Where the next special token begins, its length and its number; the longest of those that begin there.
    fn next_special(&self, text: &str) -> Option<(usize, usize, u32)> {
        let found = self.special.iter().filter_map(|(token, id)| Some((text.find(&**token)?, token.len(), *id)));
        found.min_by_key(|(at, length, _)| (*at, usize::MAX - length))
    }

    /// Adds the pieces of a word, or the unknown one where it cannot be made of pieces.
    fn pieces(&self, word: &str, tokens: &mut Vec<i64>) {
        let start = tokens.len();
        let mut rest = word;
        if word.len() > self.word_max && word.chars().count() > self.word_max {
            tokens.push(i64::from(self.unknown));
            return;
        }
        while !rest.is_empty() {
            let pieces = if rest.len() == word.len() { &self.first } else { &self.further };
            let mut end = rest.floor_char_boundary(self.longest);
            let found = loop {
                match rest.get(..end).filter(|piece| !piece.is_empty()) {
                    None => break None,
                    Some(piece) => match pieces.get(piece) {
                        Some(id) => break Some(*id),
                        None => end = rest.floor_char_boundary(end - 1),
                    },
                }
            };
            let Some(id) = found else {
                tokens.truncate(start);
                tokens.push(i64::from(self.unknown));
                return;
            };
            tokens.push(i64::from(id));
            rest = &rest[end..];
        }
    }
}
