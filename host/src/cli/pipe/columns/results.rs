//! Results as columns: what the first ones have makes the columns of the file.

use std::sync::Arc;

use arrow_array::builder::{ArrayBuilder, Float64Builder, Int64Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::{Map, Value};

use crate::app::pipe::Plan;
use crate::codec::check_include;
use crate::registry::{Registry, Route};
use crate::types::{Dtype, Kind as FieldKind, ModelId, Output};

/// Members of every result that are columns, first of all. The others are the same for all results of a pipe.
const HEAD: [(&str, Kind); 6] = [
    ("offset", Kind::Integer),
    ("data_type", Kind::Text),
    ("model", Kind::Text),
    ("version", Kind::Text),
    ("digest", Kind::Text),
    ("revision", Kind::Integer),
];

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

    /// Bytes are base64 in JSON.
    fn of_field(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Number => Self::Float,
            FieldKind::Integer => Self::Integer,
            FieldKind::Text | FieldKind::Bytes => Self::Text,
        }
    }

    fn of_output(dtype: Dtype) -> Self {
        match dtype {
            Dtype::Float32 | Dtype::Float64 => Self::Float,
            Dtype::Int64 => Self::Integer,
            Dtype::Text | Dtype::Bytes => Self::Text,
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

/// What is known of results without looking at their values, which may all be absent in the first ones.
pub(super) struct Known {
    /// Fields of the records that results repeat.
    included: Vec<(String, Kind)>,
    /// Has the models that answer, with their outputs.
    registry: Arc<Registry>,
}

impl Known {
    pub(super) fn of(plan: &Plan) -> anyhow::Result<Self> {
        let mut included: Vec<(String, Kind)> = Vec::new();
        for data_type in plan.types() {
            let schema = data_type.codec.schema();
            for index in check_include(schema, &plan.stream().include)? {
                let field = &schema.fields()[index as usize];
                let kind = Kind::of_field(field.kind);
                match included.iter_mut().find(|(name, _)| *name == field.name) {
                    Some((_, known)) => *known = known.or(kind),
                    None => included.push((field.name.clone(), kind)),
                }
            }
        }
        Ok(Self { included, registry: plan.registry() })
    }

    /// Outputs of the model that gave a result, as long as it answers or did before.
    fn outputs(&self, result: &Result) -> Vec<Output> {
        let id = id(result);
        let snapshot = self.registry.snapshot();
        let live = snapshot.routes.iter().filter_map(|route| if let Route::Live(version) = route { Some(version) } else { None });
        let version = live.chain(snapshot.previous.iter().flatten()).find(|version| version.id == id);
        version.map(|version| version.model.signature().outputs.clone()).unwrap_or_default()
    }
}

/// The columns of a file of results.
pub(super) struct Table {
    columns: Vec<Column>,
    pub(super) schema: SchemaRef,
}

impl Table {
    /// The columns that these results need.
    pub(super) fn of(results: &[Result], known: &Known) -> Self {
        let plain = |name: &str, kind| Column { name: name.to_owned(), output: false, kind, list: false };
        let mut columns: Vec<Column> = HEAD.iter().map(|(name, kind)| plain(name, *kind)).collect();
        columns.extend(known.included.iter().map(|(name, kind)| plain(name, *kind)));
        if let Some(first) = results.first() {
            let signature = known.outputs(first);
            let outputs = first.get("outputs").and_then(Value::as_object).cloned().unwrap_or_default();
            let described = |name: &String| signature.iter().find(|output| output.name == *name);
            columns.extend(outputs.keys().map(|name| column(results, name, described(name))));
        }
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

fn id(result: &Result) -> ModelId {
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    ModelId { data_type: text("data_type"), name: text("model"), version: text("version") }
}

fn model(result: &Result) -> String {
    let id = id(result);
    format!("model {}@{}", id.name, id.version)
}

fn value<'a>(result: &'a Result, name: &str, output: bool) -> &'a Value {
    let of = if output { result.get("outputs").and_then(|outputs| outputs.get(name)) } else { result.get(name) };
    of.unwrap_or(&Value::Null)
}

/// The column of an output: as the model describes it, and as the values are where another one gave some of them.
fn column(results: &[Result], name: &str, described: Option<&Output>) -> Column {
    let values = results.iter().map(|result| value(result, name, true));
    let list = described.is_some_and(|output| output.width != 1) || values.clone().any(Value::is_array);
    let cells = values.flat_map(|value| value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice));
    let described = described.map(|output| Kind::of_output(output.dtype));
    let kind = described.into_iter().chain(cells.filter_map(Kind::of)).reduce(Kind::or);
    // A value that is absent everywhere can only be a float that is not a number.
    Column { name: name.to_owned(), output: true, kind: kind.unwrap_or(Kind::Float), list }
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
