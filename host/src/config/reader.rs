//! Takes typed values out of what was written, and collects what is wrong instead of stopping at the first of it.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::Problem;
use super::units;
use super::written::{Node, Place, Table, Value};
use crate::types::nearest;

/// Everything that was found wrong so far.
#[derive(Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(super) fn add(&self, problem: Problem) {
        self.0.borrow_mut().push(problem);
    }

    pub(super) fn into_inner(self) -> Vec<Problem> {
        self.0.into_inner()
    }
}

/// A table that is being read. A key that nobody asked for is unknown, which `finish` says.
pub(super) struct Section<'a> {
    path: String,
    place: Place,
    entries: &'a [(String, Node)],
    asked: RefCell<Vec<&'static str>>,
    problems: &'a Problems,
}

impl<'a> Section<'a> {
    pub(super) fn root(entries: &'a Table, problems: &'a Problems) -> Self {
        Self { path: String::new(), place: Place::Line(1), entries, asked: RefCell::default(), problems }
    }

    fn inside(&self, key: &str, place: &Place, entries: &'a Table) -> Self {
        Self { path: self.key(key), place: place.clone(), entries, asked: RefCell::default(), problems: self.problems }
    }

    /// The key with the path to it.
    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Reports a problem at a key, or at the section where the key is not written.
    pub(super) fn wrong(&self, key: &str, message: impl Into<String>) {
        let place = find(self.entries, key).map_or(&self.place, |node| &node.place);
        let full = if key.is_empty() { self.path.clone() } else { self.key(key) };
        self.problems.add(Problem::new(place.clone(), full, message));
    }

    fn get(&self, key: &'static str) -> Option<&'a Node> {
        self.asked.borrow_mut().push(key);
        self.entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Whether the key is written.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// Takes a value that `read` understands; `expected` says what that is.
    fn take<T>(&self, key: &'static str, expected: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let node = self.get(key)?;
        let value = read(&node.value);
        if value.is_none() {
            self.wrong(key, format!("expected {expected}, got {}", node.value));
        }
        value
    }

    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        self.take(key, "a text that is not empty", |value| match value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        })
    }

    /// A text without which nothing goes on; empty where it is missing, which is reported.
    pub(super) fn required(&self, key: &'static str, what: &str) -> String {
        if !self.has(key) {
            self.wrong(key, format!("is missing; expected {what}"));
        }
        self.text(key).unwrap_or_default()
    }

    /// A list of texts; a single text is a list of one.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<String>> {
        self.take(key, "a text or a list of texts", |value| match value {
            Value::Text(text) => Some(vec![text.clone()]),
            Value::List(items) => items.iter().map(as_text).collect(),
            _ => None,
        })
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        self.take(key, "true or false", |value| if let Value::Bool(flag) = value { Some(*flag) } else { None })
    }

    pub(super) fn integer(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        self.take(key, &format!("a whole number from {} to {}", range.start(), range.end()), |value| match value {
            Value::Integer(n) => u64::try_from(*n).ok().filter(|n| range.contains(n)),
            _ => None,
        })
    }

    /// A number from 0 to 1.
    pub(super) fn share(&self, key: &'static str) -> Option<f64> {
        let read = self.take(key, "a share from 0.0 to 1.0", |value| match value {
            Value::Float(n) => Some(*n),
            Value::Integer(n) => Some(*n as f64),
            _ => None,
        })?;
        if (0.0..=1.0).contains(&read) {
            return Some(read);
        }
        self.wrong(key, format!("expected a share from 0.0 to 1.0, got {read}"));
        None
    }

    pub(super) fn duration(&self, key: &'static str) -> Option<Duration> {
        self.take(key, units::DURATION, |value| match value {
            Value::Text(text) => units::duration(text),
            Value::Integer(0) => Some(Duration::ZERO),
            _ => None,
        })
    }

    pub(super) fn size(&self, key: &'static str) -> Option<u64> {
        self.take(key, units::SIZE, |value| if let Value::Text(text) = value { units::size(text) } else { None })
    }

    /// One of some words; the nearest is named when it is none of them.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let near = nearest(&text, choices.iter().map(|(word, _)| *word)).unwrap_or_default();
            self.wrong(key, format!("expected one of {}, got \"{text}\"; the nearest is \"{near}\"", words.join(", ")));
        }
        found
    }

    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let node = self.get(key)?;
        match &node.value {
            Value::Table(entries) => Some(self.inside(key, &node.place, entries)),
            other => {
                self.wrong(key, format!("expected a table `[{}]`, got {other}", self.key(key)));
                None
            }
        }
    }

    /// The tables inside a table, with their names: `[types.wine]`, `[types.flower]`.
    pub(super) fn named(&self, key: &'static str) -> Vec<(String, Section<'a>)> {
        let Some(outer) = self.section(key) else { return Vec::new() };
        let inner = outer.entries.iter().filter_map(|(name, node)| match &node.value {
            Value::Table(entries) => Some((name.clone(), outer.inside(name, &node.place, entries))),
            other => {
                outer.wrong(name, format!("expected a table `[{}]`, got {other}", outer.key(name)));
                None
            }
        });
        inner.collect()
    }

    /// Everything in this section but the keys asked for, as texts; tables that dotted keys made are written with dots again.
    pub(super) fn others(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (key, node) in self.entries.iter().filter(|(key, _)| !self.asked.borrow().contains(&key.as_str())) {
            self.flatten(key, node, &mut found);
        }
        found
    }

    fn flatten(&self, key: &str, node: &Node, into: &mut Vec<(String, String)>) {
        match &node.value {
            Value::Table(inner) => inner.iter().for_each(|(name, node)| self.flatten(&format!("{key}.{name}"), node, into)),
            Value::Text(text) => into.push((key.to_owned(), text.clone())),
            Value::List(_) => {
                let message = "expected a text, a number or a boolean, got a list";
                self.problems.add(Problem::new(node.place.clone(), self.key(key), message));
            }
            plain => into.push((key.to_owned(), plain.to_string())),
        }
    }

    /// The keys of this section, in order, with their values where those are texts.
    pub(super) fn pairs(&self) -> Vec<(&'a str, Option<&'a str>)> {
        let text = |node: &'a Node| if let Value::Text(text) = &node.value { Some(text.as_str()) } else { None };
        self.entries.iter().map(|(key, node)| (key.as_str(), text(node))).collect()
    }

    /// The text or the section at a key, for what may be written short or long.
    pub(super) fn list_or_section(&self, key: &'static str) -> Option<ListOrSection<'a>> {
        if let Value::Table(_) = &self.entries.iter().find(|(name, _)| name == key)?.1.value {
            return self.section(key).map(ListOrSection::Section);
        }
        self.texts(key).map(ListOrSection::List)
    }

    /// Reports every key that nobody asked for, with the nearest that is known.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.entries.iter().filter(|(key, _)| !asked.contains(&key.as_str())) {
            match nearest(key, asked.iter().copied()) {
                Some(near) => self.wrong(key, format!("is not a key of {}; the nearest is `{near}`", self.name())),
                None => self.wrong(key, format!("is not a key of {}", self.name())),
            }
        }
    }

    fn name(&self) -> String {
        if self.path.is_empty() { "this file".to_owned() } else { format!("[{}]", self.path) }
    }
}

/// The value at a key, which may be written with dots and then be inside other tables.
fn find<'a>(entries: &'a [(String, Node)], key: &str) -> Option<&'a Node> {
    entries.iter().find_map(|(name, node)| match (key.strip_prefix(name.as_str())?, &node.value) {
        ("", _) => Some(node),
        (rest, Value::Table(inner)) => find(inner, rest.strip_prefix('.')?),
        _ => None,
    })
}

/// What may be written as a list or as a table.
pub(super) enum ListOrSection<'a> {
    List(Vec<String>),
    Section(Section<'a>),
}

fn as_text(node: &Node) -> Option<String> {
    if let Value::Text(text) = &node.value { Some(text.clone()) } else { None }
}
