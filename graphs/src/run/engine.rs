//! What a runner asks of an engine: tensors of its own from values of the caller's, a run, and values from its tensors. Everything else
//! about feeds and answers is said once, for all engines.

use std::borrow::Cow;

use tract_core::internal::tract_data::prelude::Datum;

/// Numbers that every engine has.
#[cfg(not(feature = "ort"))]
pub(crate) trait Number: Datum + Copy {}
#[cfg(not(feature = "ort"))]
impl<T: Datum + Copy> Number for T {}

/// Numbers that every engine has.
#[cfg(feature = "ort")]
pub(crate) trait Number: Datum + Copy + ort::value::PrimitiveTensorElementType {}
#[cfg(feature = "ort")]
impl<T: Datum + Copy + ort::value::PrimitiveTensorElementType> Number for T {}

/// What an output is shown to, with its place among them.
pub(crate) type Show<'a, T> = dyn FnMut(usize, &T) -> Result<(), String> + 'a;

/// An engine as one thread uses it, with one model in it. Its errors are its own words.
pub(crate) trait Engine: Send {
    /// A tensor that goes in.
    type Input<'a>;
    /// A tensor that comes out.
    type Output: Values;

    /// A tensor of numbers; the shape holds as many.
    fn numbers<'a, T: Number>(values: Cow<'a, [T]>, shape: &[usize]) -> Result<Self::Input<'a>, String>;

    /// A tensor of texts; the shape holds as many.
    fn texts<'a>(values: Vec<String>, shape: &[usize]) -> Result<Self::Input<'a>, String>;

    /// Runs the model, and shows every output.
    fn run(&mut self, inputs: Vec<Self::Input<'_>>, show: &mut Show<'_, Self::Output>) -> Result<(), String>;

    /// Bytes that it keeps between runs, where they are known.
    fn memory_bytes(&self) -> Option<u64> {
        None
    }
}

/// A tensor that came out.
pub(crate) trait Values {
    /// How many there are.
    fn count(&self) -> usize;

    /// All of them.
    fn numbers<T: Number>(&self) -> Result<&[T], String>;

    /// All of them.
    fn texts(&self) -> Result<Cow<'_, [String]>, String>;
}
