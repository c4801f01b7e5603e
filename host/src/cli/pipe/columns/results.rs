//! Results as columns: what the first ones have makes the columns of the file.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::{Map, Value};

/// Members of every result that are columns, first of all. The others are the same for all results of a pipe.
const HEAD: [(&str, Kind); 6] = [
    ("offset", Kind::Integer),
    ("data_type", Kind::Text),
    ("model", Kind::Text),
    ("version", Kind::Text),
    ("digest", Kind::Text),
    ("revision", Kind::Integer),
];
/// Members that are no columns.
const CONSTANT: [&str; 6] = ["role", "topic", "partition", "timestamp", "evaluator", "outputs"];

pub(super) type Result = Map<String, Value>;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Float,
    Text,
}

impl Kind {
    /// The kind of a value; `None` where it says nothing. An infinite float is a text in JSON.
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Number(number) if number.is_f64() => Some(Self::Float),
            Value::Number(_) | Value::Bool(_) => Some(Self::Integer),
            _ => Some(if infinite(value).is_some() { Self::Float } else { Self::Text }),
        }
    }

    fn or(self, other: Self) -> Self {
        if self == other {
            self
        } else if self == Self::Text || other == Self::Text {
            Self::Text
        } else {
            Self::Float
        }
    }

    fn arrow(self) -> DataType {
        match self {
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8,
        }
    }
}

fn infinite(value: &Value) -> Option<f64> {
    match value.as_str()? {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A column of the file.
struct Column {
    /// The member it is, or the output.
    name: String,
    output: bool,
    kind: Kind,
    list: bool,
}

/// The columns of a file of results.
pub(super) struct Table {
    columns: Vec<Column>,
    pub(super) schema: SchemaRef,
}

impl Table {
    /// The columns that these results need.
    pub(super) fn of(results: &[Result]) -> Self {
        let mut columns: Vec<Column> =
            HEAD.map(|(name, kind)| Column { name: name.to_owned(), output: false, kind, list: false }).into();
        let first = results.first().cloned().unwrap_or_default();
        let included =
            first.keys().filter(|name| !CONSTANT.contains(&name.as_str()) && HEAD.iter().all(|(known, _)| known != name));
        columns.extend(included.map(|name| column(results, name, false)));
        let outputs = first.get("outputs").and_then(Value::as_object).cloned().unwrap_or_default();
        columns.extend(outputs.keys().map(|name| column(results, name, true)));
        let field = |column: &Column| {
            let twice = columns.iter().filter(|other| other.name == column.name).count() > 1;
            let name = if twice && column.output { format!("outputs.{}", column.name) } else { column.name.clone() };
            let item = column.kind.arrow();
            let kind = if column.list { DataType::List(Arc::new(Field::new("item", item, true))) } else { item };
            Field::new(name, kind, true)
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
        Self { columns, schema }
    }

    /// Results as rows.
    ///
    /// # Errors
    /// A result of another shape than those that made the columns.
    pub(super) fn batch(&self, results: &[Result]) -> std::result::Result<RecordBatch, String> {
        for result in results {
            let outputs = result.get("outputs").and_then(Value::as_object);
            let known = |name: &String| self.columns.iter().any(|column| column.output && column.name == *name);
            if let Some(name) = outputs.and_then(|outputs| outputs.keys().find(|name| !known(name))) {
                return Err(format!("{} has an output `{name}`, and the file has no column for it: {ADVICE}", model(result)));
            }
        }
        let arrays = self.columns.iter().map(|column| column.array(results)).collect::<std::result::Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| error.to_string())
    }
}

const ADVICE: &str = "its columns are those of the first results. Write results of models with different outputs as JSON lines";

fn model(result: &Result) -> String {
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    format!("model {}@{}", text("model"), text("version"))
}

fn value<'a>(result: &'a Result, name: &str, output: bool) -> &'a Value {
    let of = if output { result.get("outputs").and_then(|outputs| outputs.get(name)) } else { result.get(name) };
    of.unwrap_or(&Value::Null)
}

fn column(results: &[Result], name: &str, output: bool) -> Column {
    let values = results.iter().map(|result| value(result, name, output));
    let list = values.clone().any(Value::is_array);
    let cells = values.flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
    // A value that is absent everywhere can only be a float that is not a number.
    let kind = cells.filter_map(Kind::of).reduce(Kind::or).unwrap_or(Kind::Float);
    Column { name: name.to_owned(), output, kind, list }
}

impl Column {
    fn array(&self, results: &[Result]) -> std::result::Result<ArrayRef, String> {
        match self.kind {
            Kind::Integer => self.build(results, Int64Builder::new(), |builder, value| {
                builder.append_option(value.as_i64());
                value.is_null() || value.is_i64()
            }),
            Kind::Float => self.build(results, Float64Builder::new(), |builder, value| {
                let number = value.as_f64().or_else(|| infinite(value));
                builder.append_option(number);
                value.is_null() || number.is_some()
            }),
            Kind::Text => self.build(results, StringBuilder::new(), |builder, value| {
                builder.append_option(value.as_str());
                value.is_null() || value.is_string()
            }),
        }
    }

    fn build<B: ArrayBuilder>(
        &self,
        results: &[Result],
        mut plain: B,
        add: impl Fn(&mut B, &Value) -> bool,
    ) -> std::result::Result<ArrayRef, String> {
        let wrong = |result: &Result, value: &Value| {
            let (name, kind) = (&self.name, self.kind.arrow());
            format!(
                "{}: `{name}` is {value}, and its column {}{kind}: {ADVICE}",
                model(result),
                if self.list { "a list of " } else { "" }
            )
        };
        if !self.list {
            for result in results {
                let value = value(result, &self.name, self.output);
                if !add(&mut plain, value) {
                    return Err(wrong(result, value));
                }
            }
            return Ok(plain.finish());
        }
        let mut lists = ListBuilder::new(plain);
        for result in results {
            let value = value(result, &self.name, self.output);
            let cells = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if !(value.is_null() || value.is_array()) || !cells.iter().all(|cell| add(lists.values(), cell)) {
                return Err(wrong(result, value));
            }
            lists.append(value.is_array());
        }
        Ok(Arc::new(lists.finish()))
    }
}
