//! ONNX Runtime as an engine.

use std::borrow::Cow;

use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorRef, ValueType};

use crate::run::{Engine, Number, Show, Values};

/// A session and what it holds: it is one thread's.
pub(super) struct Ready {
    session: Session,
    /// Bytes of the model, which each session has for itself.
    bytes: u64,
}

impl Ready {
    pub(super) fn new(session: Session, bytes: u64) -> Self {
        Self { session, bytes }
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn into_session(self) -> Session {
        self.session
    }
}

/// The binding's errors hold what they came from; their words are enough.
fn words<T>(result: ort::Result<T>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

impl Engine for Ready {
    type Input<'a> = SessionInputValue<'a>;
    type Output = DynValue;

    fn numbers<'a, T: Number>(values: Cow<'a, [T]>, shape: &[usize]) -> Result<SessionInputValue<'a>, String> {
        Ok(match values {
            Cow::Borrowed(values) => words(TensorRef::from_array_view((shape.to_vec(), values)))?.into(),
            Cow::Owned(values) => words(Tensor::from_array((shape.to_vec(), values)))?.into(),
        })
    }

    fn texts<'a>(values: Vec<String>, shape: &[usize]) -> Result<SessionInputValue<'a>, String> {
        Ok(words(Tensor::from_string_array((shape.to_vec(), values.as_slice())))?.into())
    }

    fn run(&mut self, inputs: Vec<SessionInputValue<'_>>, show: &mut Show<'_, DynValue>) -> Result<(), String> {
        let made = words(self.session.run(inputs.as_slice()))?;
        made.values().enumerate().try_for_each(|(at, value)| show(at, &value))
    }

    fn memory_bytes(&self) -> Option<u64> {
        Some(self.bytes)
    }
}

impl Values for DynValue {
    fn count(&self) -> usize {
        match self.dtype() {
            ValueType::Tensor { shape, .. } => shape.num_elements(),
            _ => 0,
        }
    }

    fn numbers<T: Number>(&self) -> Result<&[T], String> {
        words(self.try_extract_tensor::<T>()).map(|(_, values)| values)
    }

    fn texts(&self) -> Result<Cow<'_, [String]>, String> {
        words(self.try_extract_strings()).map(|(_, texts)| Cow::Owned(texts))
    }
}
