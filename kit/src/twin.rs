//! A guest's twin: a component that takes the same inputs and gives outputs of the same shape, and computes nothing. What a call of
//! it takes is what a call of the guest takes to cross the border: nobody can take less for the same values.
//!
//! It is made on the fly, as text, because its signature is the guest's. Its memory is laid out as the component model's canonical
//! ABI asks: a list or a text is a pointer and a length, a variant a byte and its payload at the next fitting place.

use std::fmt::Write as _;

use crate::Error;
use crate::component::{with_contract, wrap};

/// Type of an element, in the contract's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `float32`.
    Float32,
    /// `float64`.
    Float64,
    /// `int64`.
    Int64,
    /// `text`.
    Text,
    /// `bytes`.
    Bytes,
}

impl Element {
    /// Bytes of a value in an output; those of packed values are an end each.
    fn bytes(self) -> u32 {
        match self {
            Self::Float32 | Self::Text | Self::Bytes => 4,
            Self::Float64 | Self::Int64 => 8,
        }
    }

    fn is_packed(self) -> bool {
        matches!(self, Self::Text | Self::Bytes)
    }
}

/// What a guest takes and gives, as its twin repeats it.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    /// Name, type, fields.
    pub inputs: Vec<(String, Element, Vec<String>)>,
    /// Name, type, width.
    pub outputs: Vec<(String, Element, u32)>,
}

/// Sizes in bytes of the contract's records.
const INPUT: u32 = 20;
const OUTPUT: u32 = 16;
const TENSOR: u32 = 28;
/// `result<signature, string>` and `result<scores, string>` alike.
const RESULT: u32 = 20;

const START: u32 = 1024;
const SCORING: &str = "sandstream:model/scoring@0.1.0";

/// Makes the twin of a guest of this shape.
///
/// # Errors
/// None that a shape of the contract could cause.
pub fn component(shape: &Shape) -> Result<Vec<u8>, Error> {
    let mut memory = Memory::new();
    let signature = memory.signature(shape);
    let tensors = memory.reserve(TENSOR * shape.outputs.len() as u32);
    let scores = memory.result(tensors, shape.outputs.len() as u32, None);
    let text = module(&memory, shape, signature, tensors, scores);
    let core = wat::parse_str(&text).map_err(|error| Error::Component(format!("the twin: {error}")))?;
    wrap(&with_contract(core)?, &[])
}

/// What lies in memory from the beginning.
struct Memory(Vec<u8>);

impl Memory {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn end(&self) -> u32 {
        START + self.0.len() as u32
    }

    /// Zeros; gives where they are.
    fn reserve(&mut self, bytes: u32) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = self.end();
        self.0.resize(self.0.len() + bytes as usize, 0);
        at
    }

    fn set(&mut self, at: u32, value: u32) {
        let at = (at - START) as usize;
        if let Some(place) = self.0.get_mut(at..at + 4) {
            place.copy_from_slice(&value.to_le_bytes());
        }
    }

    /// A text's pointer and length at `at`, and its bytes behind everything.
    fn text(&mut self, at: u32, text: &str) {
        let place = self.end();
        self.0.extend_from_slice(text.as_bytes());
        self.set(at, place);
        self.set(at + 4, text.len() as u32);
    }

    fn signature(&mut self, shape: &Shape) -> u32 {
        let inputs = self.reserve(INPUT * shape.inputs.len() as u32);
        for (i, (name, element, fields)) in (0..).zip(&shape.inputs) {
            let at = inputs + i * INPUT;
            let list = self.reserve(8 * fields.len() as u32);
            for (j, field) in (0..).zip(fields) {
                self.text(list + j * 8, field);
            }
            self.text(at, name);
            self.set(at + 8, *element as u32);
            self.set(at + 12, list);
            self.set(at + 16, fields.len() as u32);
        }
        let outputs = self.reserve(OUTPUT * shape.outputs.len() as u32);
        for (i, (name, element, width)) in (0..).zip(&shape.outputs) {
            let at = outputs + i * OUTPUT;
            self.text(at, name);
            self.set(at + 8, *element as u32);
            self.set(at + 12, *width);
        }
        self.result(inputs, shape.inputs.len() as u32, Some((outputs, shape.outputs.len() as u32)))
    }

    /// An `ok` of a record of two lists; the second is empty where it is not given.
    fn result(&mut self, list: u32, length: u32, second: Option<(u32, u32)>) -> u32 {
        let at = self.reserve(RESULT);
        let (second, second_length) = second.unwrap_or((8, 0));
        for (i, value) in (1..).zip([list, length, second, second_length]) {
            self.set(at + i * 4, value);
        }
        at
    }

    fn as_text(&self) -> String {
        self.0.iter().fold(String::new(), |text, byte| text + &format!("\\{byte:02x}"))
    }
}

fn module(memory: &Memory, shape: &Shape, signature: u32, tensors: u32, scores: u32) -> String {
    let base = memory.end().next_multiple_of(16);
    let mut outputs = String::new();
    for (i, (_, element, width)) in (0..).zip(&shape.outputs) {
        let at = tensors + i * TENSOR;
        // A packed tensor is three lists: its bytes, of which there are none, the ends of its values, and which are missing.
        let list = at + if element.is_packed() { 12 } else { 4 };
        // Writing to a String does not fail.
        let _ = write!(
            outputs,
            "(local.set $length (i32.mul (local.get $rows) (i32.const {width})))
             (local.set $bytes (i32.mul (local.get $length) (i32.const {bytes})))
             (i32.store8 (i32.const {at}) (i32.const {tag}))
             (i32.store (i32.const {list}) (call $take (local.get $bytes)))
             (i32.store (i32.const {after}) (local.get $length))
             (memory.fill (i32.load (i32.const {list})) (i32.const 0) (local.get $bytes))\n",
            bytes = element.bytes(),
            tag = *element as u32,
            after = list + 4,
        );
    }
    format!(
        r#"(module
  (memory (export "memory") {pages})
  (data (i32.const {START}) "{data}")
  (global $next (mut i32) (i32.const {base}))
  (func $take (param $bytes i32) (result i32) (local $at i32) (local $end i32)
    (local.set $at (global.get $next))
    (local.set $end (i32.and (i32.add (i32.add (local.get $at) (local.get $bytes)) (i32.const 15)) (i32.const -16)))
    (if (i32.gt_u (local.get $end) (i32.mul (memory.size) (i32.const 65536)))
      (then (if (i32.lt_s
        (memory.grow (i32.add (i32.const 1)
          (i32.shr_u (i32.sub (local.get $end) (i32.mul (memory.size) (i32.const 65536))) (i32.const 16))))
        (i32.const 0)) (then unreachable))))
    (global.set $next (local.get $end))
    (local.get $at))
  (func (export "cabi_realloc") (param $old i32) (param $old_bytes i32) (param i32) (param $bytes i32) (result i32) (local $at i32)
    (local.set $at (call $take (local.get $bytes)))
    (memory.copy (local.get $at) (local.get $old) (local.get $old_bytes))
    (local.get $at))
  (func (export "{SCORING}#load") (param i32 i32) (result i32) (i32.const {signature}))
  (func (export "{SCORING}#score") (param $rows i32) (param i32 i32) (result i32) (local $length i32) (local $bytes i32)
    {outputs}
    (i32.const {scores}))
  (func $forget (param i32) (global.set $next (i32.const {base})))
  (export "cabi_post_{SCORING}#load" (func $forget))
  (export "cabi_post_{SCORING}#score" (func $forget)))"#,
        pages = base / 65536 + 1,
        data = memory.as_text(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::component::interface;

    #[test]
    fn a_twin_of_any_shape_is_a_component_of_the_contract() {
        let all = [Element::Float32, Element::Float64, Element::Int64, Element::Text, Element::Bytes];
        let inputs = all.map(|element| (format!("{element:?}"), element, vec!["a".to_owned(), "fixed acidity".to_owned()]));
        let outputs = all.map(|element| (format!("{element:?}"), element, 3));
        let shape = Shape { inputs: inputs.into(), outputs: outputs.into() };
        let interface = interface(&component(&shape).unwrap()).unwrap();
        assert_eq!(interface.exports, ["sandstream:model/scoring@0.1.0"]);
        assert_eq!(interface.imports, ["sandstream:model/types@0.1.0"]);
    }
}
