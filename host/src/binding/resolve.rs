//! Joins a signature with a schema: off the lanes, once per version.

use super::pack::Pack;
use super::{BindError, Binding, Check, Matrix, Source};
use crate::types::{Dtype, Input, Kind, Schema, SchemaError, Signature};

/// Columns of all inputs together: what a guest's signature asks for is memory of the host.
const COLUMNS_MAX: usize = 4096;
/// Columns that copy the same text or bytes.
const COPIES_MAX: usize = 4;

/// The join, and what it found on its way.
struct Join<'a> {
    schema: &'a Schema,
    wanted: Vec<u16>,
    checks: Vec<Check>,
}

pub(super) fn binding(schema: &Schema, signature: &Signature) -> Result<Binding, BindError> {
    let mut join = Join { schema, wanted: Vec::new(), checks: Vec::new() };
    let matrices = signature.inputs.iter().map(|input| join.matrix(input)).collect::<Result<Vec<_>, _>>()?;
    bounded(&matrices)?;
    join.wanted.sort_unstable();
    join.wanted.dedup();
    Ok(Binding { wanted: join.wanted, matrices: matrices.into(), checks: join.checks })
}

fn bounded(matrices: &[Matrix]) -> Result<(), BindError> {
    let columns = || matrices.iter().flat_map(|matrix| &matrix.columns);
    if columns().count() > COLUMNS_MAX {
        return Err(BindError(format!("the signature has {} columns, at most {COLUMNS_MAX} are possible", columns().count())));
    }
    let variable = |source: &&Source| matches!(source, Source::Text(_) | Source::Value | Source::Key);
    for source in columns().filter(variable) {
        let copies = columns().filter(|other| *other == source).count();
        if copies > COPIES_MAX {
            return Err(BindError(format!(
                "the signature takes the same text or bytes {copies} times, at most {COPIES_MAX} are possible"
            )));
        }
    }
    Ok(())
}

impl Join<'_> {
    fn matrix(&mut self, input: &Input) -> Result<Matrix, BindError> {
        let columns = if input.fields.iter().all(String::is_empty) { self.unnamed(input)? } else { self.named(input)? };
        let pack = Pack::new(input.dtype, &columns, self.schema.slots().0);
        Ok(Matrix { columns, pack })
    }

    fn named(&mut self, input: &Input) -> Result<Vec<Source>, BindError> {
        input.fields.iter().enumerate().map(|(i, field)| self.column(input, i, field)).collect()
    }

    /// An input without names takes the feature list, in its order.
    fn unnamed(&mut self, input: &Input) -> Result<Vec<Source>, BindError> {
        let features = self.schema.features();
        // An empty list is a width that varies: it takes what there is.
        if !input.fields.is_empty() && input.fields.len() != features.len() {
            return Err(BindError(format!(
                "input `{}` has {} columns without names, but the feature list of data type `{}` has {}; name the columns or set `features`",
                input.name,
                input.fields.len(),
                self.schema.data_type(),
                features.len(),
            )));
        }
        features.iter().map(|index| self.field(input, *index)).collect()
    }

    fn column(&mut self, input: &Input, i: usize, field: &str) -> Result<Source, BindError> {
        let source = match field {
            "" => {
                let reason = "has no name while others have; name all columns or none";
                return Err(BindError(format!("column {i} of input `{}` {reason}", input.name)));
            }
            "$value" => Source::Value,
            "$key" => Source::Key,
            "$timestamp" => Source::Timestamp,
            _ => {
                let index = self.schema.index(field).map_err(|error| lacking(self.schema, input, field, error))?;
                return self.field(input, index);
            }
        };
        match (source, input.dtype) {
            (Source::Timestamp, Dtype::Int64) | (Source::Value | Source::Key, Dtype::Text) => self.check(source, field, input),
            (Source::Timestamp, Dtype::Float64) | (Source::Value | Source::Key, Dtype::Bytes) => {}
            // A float32 holds milliseconds since 1970 to a minute or two only.
            (Source::Timestamp, dtype) => return Err(unfit(input, field, "milliseconds, int64 or float64", dtype)),
            (_, dtype) => return Err(unfit(input, field, "bytes, or text where they are UTF-8", dtype)),
        }
        Ok(source)
    }

    fn field(&mut self, input: &Input, index: u16) -> Result<Source, BindError> {
        let field = &self.schema.fields()[index as usize];
        let source = match (field.kind, input.dtype) {
            (Kind::Number, Dtype::Float32 | Dtype::Float64) => Source::Number(field.slot),
            (Kind::Integer, Dtype::Float32 | Dtype::Float64 | Dtype::Int64) => Source::Integer(field.slot),
            (Kind::Text, Dtype::Text | Dtype::Bytes) | (Kind::Bytes, Dtype::Bytes) => Source::Text(field.slot),
            (Kind::Number, dtype) => return Err(unfit(input, &field.name, "a float", dtype)),
            (Kind::Integer, dtype) => return Err(unfit(input, &field.name, "an integer", dtype)),
            (Kind::Text, dtype) => return Err(unfit(input, &field.name, "text", dtype)),
            (Kind::Bytes, dtype) => return Err(unfit(input, &field.name, "bytes", dtype)),
        };
        self.wanted.push(index);
        if input.dtype == Dtype::Int64 {
            self.check(source, &field.name, input);
        }
        Ok(source)
    }

    fn check(&mut self, source: Source, field: &str, input: &Input) {
        self.checks.push(Check { source, field: field.to_owned(), input: input.name.clone() });
    }
}

fn lacking(schema: &Schema, input: &Input, field: &str, error: SchemaError) -> BindError {
    let input = &input.name;
    BindError(match error {
        SchemaError::Unknown { data_type, .. } if schema.fields().is_empty() => {
            format!(
                "input `{input}` takes field `{field}`, but data type `{data_type}` has no fields; there are `$value`, `$key` and `$timestamp`"
            )
        }
        SchemaError::Unknown { data_type, .. } if field.starts_with('$') => {
            format!(
                "input `{input}` takes field `{field}`, which data type `{data_type}` lacks; of the raw record there are `$value`, `$key` and `$timestamp`"
            )
        }
        SchemaError::Unknown { data_type, nearest, .. } => {
            format!(
                "input `{input}` takes field `{field}`, which data type `{data_type}` lacks; the nearest it has is `{nearest}`"
            )
        }
        other => format!("input `{input}` takes field `{field}`: {other}"),
    })
}

fn unfit(input: &Input, field: &str, is: &str, dtype: Dtype) -> BindError {
    BindError(format!("input `{}` takes field `{field}` as {dtype}, but it is {is}", input.name))
}
