//! tract as an engine.

use std::borrow::Cow;

use tract_core::internal::tract_data::prelude::Tensor;
use tract_core::internal::{TValue, TractError, TypedSimpleState, tract_ndarray};

use super::engine::{Engine, Number, Show, Values};

/// tract's state for a plan.
pub(super) struct Tract(pub(super) TypedSimpleState);

pub(super) fn words(error: &TractError) -> String {
    format!("{error:#}")
}

impl Engine for Tract {
    type Input<'a> = TValue;
    type Output = Tensor;

    fn numbers<'a, T: Number>(values: Cow<'a, [T]>, shape: &[usize]) -> Result<Self::Input<'a>, String> {
        Tensor::from_shape(shape, &values).map(TValue::from).map_err(|error| words(&error))
    }

    fn texts<'a>(values: Vec<String>, shape: &[usize]) -> Result<Self::Input<'a>, String> {
        let array = tract_ndarray::ArrayD::from_shape_vec(shape, values).map_err(|error| error.to_string())?;
        Ok(TValue::from(Tensor::from(array)))
    }

    fn run(&mut self, inputs: Vec<TValue>, show: &mut Show<'_, Tensor>) -> Result<(), String> {
        let made = match self.0.run(inputs.into_iter().collect()) {
            Ok(made) => made,
            Err(error) => {
                // What the failed run left behind must not be seen by the next.
                self.0.reset_turn().map_err(|error| words(&error))?;
                return Err(words(&error));
            }
        };
        made.iter().enumerate().try_for_each(|(at, tensor)| show(at, tensor))
    }
}

impl Values for Tensor {
    fn count(&self) -> usize {
        self.len()
    }

    fn numbers<T: Number>(&self) -> Result<&[T], String> {
        self.try_as_plain_ram().and_then(|plain| plain.as_slice::<T>()).map_err(|error| words(&error))
    }

    fn texts(&self) -> Result<Cow<'_, [String]>, String> {
        let texts = self.try_as_plain_ram().and_then(|plain| plain.as_slice::<String>());
        texts.map(Cow::Borrowed).map_err(|error| words(&error))
    }
}
