//! Values of the caller's become tensors of the engine's.

use std::borrow::Cow;

use tract_core::prelude::tract_data::half::f16;

use super::engine::{Engine, Number};
use crate::{Element, Feed, Port, RunError};

/// Checks that a feed holds `rows` rows of `width` values.
pub(super) fn check(feed: &Feed<'_>, port: &Port, rows: usize, width: usize) -> Result<(), RunError> {
    let values = rows.checked_mul(width).ok_or_else(|| wrong(port, format!("{rows} rows of {width} values are too many")))?;
    let (expected, got) = match (feed, port.element) {
        (Feed::F32(given), Element::F16 | Element::F32) => (values, given.len()),
        (Feed::F64(given), Element::F64) => (values, given.len()),
        (Feed::I64(given), element) if is_integer(element) => (values, given.len()),
        (Feed::Strings { ends, .. }, Element::Text) => (values, ends.len()),
        (Feed::Strings { ends, .. }, _) => (rows, ends.len()),
        (given, element) => return Err(wrong(port, format!("it is {element}, what came is {}", name(given)))),
    };
    if expected == got {
        return Ok(());
    }
    Err(wrong(port, format!("{rows} rows are {expected} values, {got} came")))
}

fn is_integer(element: Element) -> bool {
    !matches!(element, Element::F16 | Element::F32 | Element::F64 | Element::Text)
}

fn name(feed: &Feed<'_>) -> &'static str {
    match feed {
        Feed::F32(_) => "float32",
        Feed::F64(_) => "float64",
        Feed::I64(_) => "int64",
        Feed::Strings { .. } => "text",
    }
}

fn wrong(port: &Port, reason: String) -> RunError {
    RunError::Feed { input: port.name.clone(), reason }
}

/// Rows `from .. from + rows` of a checked feed as a tensor of this shape; a row has `width` values.
pub(crate) fn tensor<'a, E: Engine>(
    feed: &Feed<'a>,
    port: &Port,
    (from, rows): (usize, usize),
    width: usize,
    shape: &[usize],
) -> Result<E::Input<'a>, RunError> {
    let part = from * width..(from + rows) * width;
    let missing = || wrong(port, "rows are missing".to_owned());
    match *feed {
        Feed::F32(values) => {
            let values = values.get(part).ok_or_else(missing)?;
            if port.element == Element::F16 {
                return owned::<E, _>(port, shape, values.iter().map(|value| f16::from_f32(*value)).collect());
            }
            borrowed::<E, _>(port, shape, values)
        }
        Feed::F64(values) => borrowed::<E, _>(port, shape, values.get(part).ok_or_else(missing)?),
        Feed::I64(values) => integers::<E>(port, shape, values.get(part).ok_or_else(missing)?),
        Feed::Strings { data, ends } if port.element == Element::Text => {
            let texts = part.map(|at| text(data, ends, at, port)).collect::<Result<Vec<_>, _>>()?;
            E::texts(texts, shape).map_err(|reason| wrong(port, reason))
        }
        Feed::Strings { data, ends } => raw::<E>(port, shape, (from, rows), width, data, ends),
    }
}

fn borrowed<'a, E: Engine, T: Number>(port: &Port, shape: &[usize], values: &'a [T]) -> Result<E::Input<'a>, RunError> {
    E::numbers(Cow::Borrowed(values), shape).map_err(|reason| wrong(port, reason))
}

fn owned<'a, E: Engine, T: Number>(port: &Port, shape: &[usize], values: Vec<T>) -> Result<E::Input<'a>, RunError> {
    E::numbers(Cow::Owned(values), shape).map_err(|reason| wrong(port, reason))
}

fn bytes<'a>(data: &'a [u8], ends: &[u32], at: usize, port: &Port) -> Result<&'a [u8], RunError> {
    let end = |at: usize| ends.get(at).and_then(|end| usize::try_from(*end).ok());
    let start = if at == 0 { Some(0) } else { end(at - 1) };
    let found = start.zip(end(at)).and_then(|(start, end)| data.get(start..end));
    found.ok_or_else(|| wrong(port, format!("the ends of value {at} are not within its {} bytes", data.len())))
}

fn text(data: &[u8], ends: &[u32], at: usize, port: &Port) -> Result<String, RunError> {
    let text = std::str::from_utf8(bytes(data, ends, at, port)?);
    text.map(str::to_owned).map_err(|error| wrong(port, format!("value {at} is not UTF-8: {error}")))
}

fn integers<'a, E: Engine>(port: &Port, shape: &[usize], values: &'a [i64]) -> Result<E::Input<'a>, RunError> {
    match port.element {
        Element::I64 => borrowed::<E, _>(port, shape, values),
        Element::Bool => {
            owned::<E, _>(port, shape, each(port, values, |value| [false, true].get(usize::try_from(value).ok()?).copied())?)
        }
        Element::I8 => owned::<E, _>(port, shape, each(port, values, |value| i8::try_from(value).ok())?),
        Element::I16 => owned::<E, _>(port, shape, each(port, values, |value| i16::try_from(value).ok())?),
        Element::I32 => owned::<E, _>(port, shape, each(port, values, |value| i32::try_from(value).ok())?),
        Element::U8 => owned::<E, _>(port, shape, each(port, values, |value| u8::try_from(value).ok())?),
        Element::U16 => owned::<E, _>(port, shape, each(port, values, |value| u16::try_from(value).ok())?),
        Element::U32 => owned::<E, _>(port, shape, each(port, values, |value| u32::try_from(value).ok())?),
        Element::U64 => owned::<E, _>(port, shape, each(port, values, |value| u64::try_from(value).ok())?),
        Element::F16 | Element::F32 | Element::F64 | Element::Text => Err(wrong(port, "integers came".to_owned())),
    }
}

fn each<T>(port: &Port, values: &[i64], convert: impl Fn(i64) -> Option<T>) -> Result<Vec<T>, RunError> {
    let one =
        |value: &i64| convert(*value).ok_or_else(|| wrong(port, format!("{value} is not in the range of {}", port.element)));
    values.iter().map(one).collect()
}

/// Rows that are bytes: the values as they lie in memory, little-endian.
fn raw<'a, E: Engine>(
    port: &Port,
    shape: &[usize],
    (from, rows): (usize, usize),
    width: usize,
    data: &[u8],
    ends: &[u32],
) -> Result<E::Input<'a>, RunError> {
    let size = size(port.element);
    let mut all = Vec::with_capacity(rows * width * size);
    for row in from..from + rows {
        let bytes = bytes(data, ends, row, port)?;
        if bytes.len() != width * size {
            let reason = format!("row {row} has {} bytes, {width} values of {} are {}", bytes.len(), port.element, width * size);
            return Err(wrong(port, reason));
        }
        all.extend_from_slice(bytes);
    }
    match port.element {
        Element::Bool => match all.iter().find(|byte| **byte > 1) {
            Some(byte) => Err(wrong(port, format!("byte {byte} is no truth value, 0 and 1 are"))),
            None => owned::<E, _>(port, shape, all.iter().map(|byte| *byte == 1).collect()),
        },
        Element::F16 => owned::<E, _>(port, shape, numbers(&all, f16::from_le_bytes)),
        Element::F32 => owned::<E, _>(port, shape, numbers(&all, f32::from_le_bytes)),
        Element::F64 => owned::<E, _>(port, shape, numbers(&all, f64::from_le_bytes)),
        Element::I8 => owned::<E, _>(port, shape, numbers(&all, i8::from_le_bytes)),
        Element::I16 => owned::<E, _>(port, shape, numbers(&all, i16::from_le_bytes)),
        Element::I32 => owned::<E, _>(port, shape, numbers(&all, i32::from_le_bytes)),
        Element::I64 => owned::<E, _>(port, shape, numbers(&all, i64::from_le_bytes)),
        Element::U8 => owned::<E, _>(port, shape, all),
        Element::U16 => owned::<E, _>(port, shape, numbers(&all, u16::from_le_bytes)),
        Element::U32 => owned::<E, _>(port, shape, numbers(&all, u32::from_le_bytes)),
        Element::U64 => owned::<E, _>(port, shape, numbers(&all, u64::from_le_bytes)),
        Element::Text => Err(wrong(port, "bytes came".to_owned())),
    }
}

fn numbers<T, const SIZE: usize>(bytes: &[u8], convert: impl Fn([u8; SIZE]) -> T) -> Vec<T> {
    bytes.as_chunks::<SIZE>().0.iter().map(|chunk| convert(*chunk)).collect()
}

fn size(element: Element) -> usize {
    match element {
        Element::Bool | Element::I8 | Element::U8 => 1,
        Element::F16 | Element::I16 | Element::U16 => 2,
        Element::F32 | Element::I32 | Element::U32 => 4,
        Element::F64 | Element::I64 | Element::U64 => 8,
        Element::Text => 0,
    }
}
