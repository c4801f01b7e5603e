//! Tensors of the engine's become values of the caller's.

use tract_core::prelude::tract_data::half::f16;

use super::engine::{Number, Values};
use crate::{Answer, Element, Strings};

/// One empty answer per element type, with the memory of those of the call before where they fit.
pub(super) fn clear(answers: &mut Vec<Answer>, elements: impl ExactSizeIterator<Item = Element>) {
    answers.truncate(elements.len());
    for (at, element) in elements.enumerate() {
        match (answers.get_mut(at), element) {
            (Some(Answer::F32(values)), Element::F16 | Element::F32) => values.clear(),
            (Some(Answer::F64(values)), Element::F64) => values.clear(),
            (Some(Answer::Strings(texts)), Element::Text) => {
                texts.data.clear();
                texts.ends.clear();
            }
            (Some(Answer::I64(values)), element) if matches!(empty(element), Answer::I64(_)) => values.clear(),
            (Some(other), element) => *other = empty(element),
            (None, element) => answers.push(empty(element)),
        }
    }
}

fn empty(element: Element) -> Answer {
    match element {
        Element::F16 | Element::F32 => Answer::F32(Vec::new()),
        Element::F64 => Answer::F64(Vec::new()),
        Element::Text => Answer::Strings(Strings::default()),
        _ => Answer::I64(Vec::new()),
    }
}

/// Adds the values of a tensor to an answer of its kind.
pub(super) fn append(answer: &mut Answer, tensor: &impl Values, element: Element) -> Result<(), String> {
    match (answer, element) {
        (Answer::F32(values), Element::F32) => values.extend_from_slice(tensor.numbers()?),
        (Answer::F32(values), Element::F16) => values.extend(tensor.numbers::<f16>()?.iter().map(|value| value.to_f32())),
        (Answer::F64(values), Element::F64) => values.extend_from_slice(tensor.numbers()?),
        (Answer::I64(values), Element::I64) => values.extend_from_slice(tensor.numbers()?),
        (Answer::I64(values), Element::Bool) => widen::<bool>(values, tensor)?,
        (Answer::I64(values), Element::I8) => widen::<i8>(values, tensor)?,
        (Answer::I64(values), Element::I16) => widen::<i16>(values, tensor)?,
        (Answer::I64(values), Element::I32) => widen::<i32>(values, tensor)?,
        (Answer::I64(values), Element::U8) => widen::<u8>(values, tensor)?,
        (Answer::I64(values), Element::U16) => widen::<u16>(values, tensor)?,
        (Answer::I64(values), Element::U32) => widen::<u32>(values, tensor)?,
        (Answer::I64(values), Element::U64) => {
            for value in tensor.numbers::<u64>()? {
                values.push(i64::try_from(*value).map_err(|_| format!("{value} is more than an int64 holds"))?);
            }
        }
        (Answer::Strings(texts), Element::Text) => {
            for text in tensor.texts()?.iter() {
                texts.data.extend_from_slice(text.as_bytes());
                let end = u32::try_from(texts.data.len());
                texts.ends.push(end.map_err(|_| "the texts of an output have more than 4 GiB".to_owned())?);
            }
        }
        (_, element) => return Err(format!("an output of {element} came in an answer of another kind")),
    }
    Ok(())
}

fn widen<T: Number + Into<i64>>(values: &mut Vec<i64>, tensor: &impl Values) -> Result<(), String> {
    values.extend(tensor.numbers::<T>()?.iter().map(|value| (*value).into()));
    Ok(())
}
