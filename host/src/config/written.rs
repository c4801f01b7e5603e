//! A configuration as it was written: the tree of the file with the line of every value, and the environment laid over it.

use std::fmt;

use toml::de::{DeTable, DeValue};

use super::error::Problem;
use crate::types::normalise;

/// Prefix of the environment's settings.
const PREFIX: &str = "SANDSTREAM__";

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A line of the file, from 1.
    Line(usize),
    /// A variable of the environment.
    Environment(String),
}

impl Place {
    /// The place as a message begins with it.
    pub(super) fn show(&self, file: &str) -> String {
        match self {
            Self::Line(line) => format!("{file}:{line}"),
            Self::Environment(name) => format!("environment {name}"),
        }
    }
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// A value of the file.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Node>),
    Table(Table),
}

/// Keys in the order in which they were written.
pub(super) type Table = Vec<(String, Node)>;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Integer(n) => write!(f, "{n}"),
            Self::Float(n) => write!(f, "{n}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::List(items) => write!(f, "a list of {}", items.len()),
            Self::Table(_) => f.write_str("a table"),
        }
    }
}

/// Reads the text of a file.
pub(super) fn parse(text: &str) -> Result<Table, Problem> {
    let lines = Lines::of(text);
    let wrong = |at: usize, message: &str| Problem::new(Place::Line(lines.at(at)), "", message.trim());
    let root = DeTable::parse(text).map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message()))?;
    table(root.get_ref(), &lines)
}

fn table(from: &DeTable<'_>, lines: &Lines) -> Result<Table, Problem> {
    let mut entries = Vec::with_capacity(from.len());
    for (key, value) in from {
        let at = key.span().start;
        entries.push((at, (key.get_ref().to_string(), node(value.get_ref(), lines.at(at), lines)?)));
    }
    entries.sort_by_key(|(at, _)| *at);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

fn node(from: &DeValue<'_>, line: usize, lines: &Lines) -> Result<Node, Problem> {
    let wrong = |message: String| Problem::new(Place::Line(line), "", message);
    let value = match from {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(n) => {
            let parsed = i64::from_str_radix(&n.as_str().replace('_', ""), n.radix());
            Value::Integer(parsed.map_err(|_| wrong(format!("the integer {n} is out of range")))?)
        }
        DeValue::Float(n) => {
            let parsed = n.as_str().replace('_', "").parse();
            Value::Float(parsed.map_err(|_| wrong(format!("the number {n} cannot be read")))?)
        }
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(date) => Value::Text(date.to_string()),
        DeValue::Array(items) => Value::List(
            items.iter().map(|item| node(item.get_ref(), lines.at(item.span().start), lines)).collect::<Result<_, _>>()?,
        ),
        DeValue::Table(inner) => Value::Table(table(inner, lines)?),
    };
    Ok(Node { place: Place::Line(line), value })
}

/// Finds the line of a byte.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|newline| *newline < byte) + 1
    }
}

/// Lays `SANDSTREAM__SECTION__KEY=value` over the file. A name matches the file's keys ignoring case, `_` and `.`; what the file
/// does not have is added. A value is read as TOML where that is possible and is a text otherwise; client properties are texts.
pub(super) fn overlay(root: &mut Table, environment: impl Iterator<Item = (String, String)>) {
    let mut settings: Vec<_> = environment.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    settings.sort();
    for (name, text) in settings {
        let parts: Vec<&str> = name[PREFIX.len()..].split("__").collect();
        let place = Place::Environment(name.clone());
        // Client properties have dots where the environment can only have underscores.
        let dotted = parts.first().is_some_and(|section| section.eq_ignore_ascii_case("kafka"));
        // A password may look like a number, and has to stay as it is.
        let value = if dotted { Value::Text(text) } else { value_of(&text) };
        set(root, &parts, dotted, Node { place, value });
    }
}

fn value_of(text: &str) -> Value {
    let line = format!("v = {text}\n");
    let read = parse(&line).ok().filter(|table| table.len() == 1);
    read.and_then(|mut table| table.pop()).map_or_else(|| Value::Text(text.to_owned()), |(_, node)| node.value)
}

fn set(table: &mut Table, parts: &[&str], dotted: bool, node: Node) {
    let Some((first, rest)) = parts.split_first() else { return };
    let known = table.iter().position(|(key, _)| normalise(key) == normalise(first));
    let at = known.unwrap_or_else(|| {
        let lower = first.to_lowercase();
        let key = if dotted { lower.replace('_', ".") } else { lower };
        table.push((key, Node { place: node.place.clone(), value: Value::Table(Vec::new()) }));
        table.len() - 1
    });
    let entry = &mut table[at].1;
    if rest.is_empty() {
        *entry = node;
    } else if let Value::Table(inner) = &mut entry.value {
        set(inner, rest, dotted, node);
    } else {
        let mut inner = Vec::new();
        let place = node.place.clone();
        set(&mut inner, rest, dotted, node);
        *entry = Node { place, value: Value::Table(inner) };
    }
}
