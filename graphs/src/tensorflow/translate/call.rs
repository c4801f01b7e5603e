//! One node as its operator sees it: attributes with TensorFlow's defaults, inputs, and reasons to refuse it.

use tract_core::internal::{DatumType, OutletId, TractError};

use super::super::dtype;
use super::super::proto::attr_value::Value as Attribute;
use super::super::proto::{NodeDef, TensorProto, TensorShapeProto};
use super::value::Value;
use crate::Refused;

/// Why an operator refuses a node.
#[derive(Debug)]
pub(super) enum Reason {
    /// In words; the operator and the node are added where it is caught.
    Words(String),
    /// Already complete: it comes from another node, or from a file.
    Whole(Refused),
}

impl From<String> for Reason {
    fn from(words: String) -> Self {
        Self::Words(words)
    }
}

impl From<&str> for Reason {
    fn from(words: &str) -> Self {
        Self::Words(words.to_owned())
    }
}

impl From<TractError> for Reason {
    fn from(error: TractError) -> Self {
        Self::Words(format!("the engine does not accept it: {error:#}"))
    }
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        Self::Whole(refused)
    }
}

/// A node with the values of its inputs.
pub(super) struct Call<'a> {
    pub(super) node: &'a NodeDef,
    pub(super) inputs: Vec<Value>,
    /// Functions within each other down to here.
    pub(super) depth: usize,
    /// Variables are being filled: assignments are made.
    pub(super) restoring: bool,
    /// Where the node is, for messages and names.
    pub(super) path: &'a str,
}

impl Call<'_> {
    /// The inputs, all of them tensors.
    pub(super) fn tensors(&self) -> Result<Vec<OutletId>, Reason> {
        self.inputs.iter().enumerate().map(|(index, _)| self.tensor(index)).collect()
    }

    /// One input that is a tensor.
    pub(super) fn tensor(&self, index: usize) -> Result<OutletId, Reason> {
        match self.inputs.get(index) {
            Some(Value::Tensor(outlet)) => Ok(*outlet),
            Some(other) => Err(format!("a tensor is expected as input {index}, it is {}", other.kind()).into()),
            None => Err(format!("it has {} inputs, one more is expected", self.inputs.len()).into()),
        }
    }

    /// Exactly so many inputs, all tensors.
    pub(super) fn exactly<const N: usize>(&self) -> Result<[OutletId; N], Reason> {
        let found = self.tensors()?;
        let count = found.len();
        found.try_into().map_err(|_| format!("{N} inputs are expected, it has {count}").into())
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        attribute(self.node, name)
    }

    /// A whole number.
    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, Reason> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::I(value)) => Ok(*value),
            Some(_) => Err(format!("attribute `{name}` has to be an integer").into()),
        }
    }

    /// A float.
    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, Reason> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::F(value)) => Ok(*value),
            Some(_) => Err(format!("attribute `{name}` has to be a float").into()),
        }
    }

    /// A truth value.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Reason> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::B(value)) => Ok(*value),
            Some(_) => Err(format!("attribute `{name}` has to be true or false").into()),
        }
    }

    /// A text.
    pub(super) fn text(&self, name: &str, default: &str) -> Result<String, Reason> {
        match self.attribute(name) {
            None => Ok(default.to_owned()),
            Some(Attribute::S(value)) => {
                String::from_utf8(value.clone()).map_err(|_| format!("attribute `{name}` is not UTF-8").into())
            }
            Some(_) => Err(format!("attribute `{name}` has to be a text").into()),
        }
    }

    /// Whole numbers.
    pub(super) fn ints(&self, name: &str) -> Result<Vec<i64>, Reason> {
        match self.attribute(name) {
            None => Ok(Vec::new()),
            Some(Attribute::List(list)) => Ok(list.i.clone()),
            Some(_) => Err(format!("attribute `{name}` has to be a list of integers").into()),
        }
    }

    /// Floats.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, Reason> {
        match self.attribute(name) {
            None => Ok(Vec::new()),
            Some(Attribute::List(list)) => Ok(list.f.clone()),
            Some(_) => Err(format!("attribute `{name}` has to be a list of floats").into()),
        }
    }

    /// An element type; the default is TensorFlow's number of one.
    pub(super) fn datum(&self, name: &str, default: i32) -> Result<DatumType, Reason> {
        let number = attribute_type(self.node, name).unwrap_or(default);
        dtype::datum(number).ok_or_else(|| format!("attribute `{name}` is {}, which is not taken", dtype::name(number)).into())
    }

    /// A constant.
    pub(super) fn constant(&self, name: &str) -> Result<&TensorProto, Reason> {
        match self.attribute(name) {
            Some(Attribute::Tensor(value)) => Ok(value),
            _ => Err(format!("attribute `{name}` has to be a tensor").into()),
        }
    }

    /// Name of a function.
    pub(super) fn function(&self, name: &str) -> Result<&str, Reason> {
        match self.attribute(name) {
            Some(Attribute::Func(function)) => Ok(&function.name),
            _ => Err(format!("attribute `{name}` has to be a function").into()),
        }
    }

    /// Names of functions.
    pub(super) fn functions(&self, name: &str) -> Result<Vec<&str>, Reason> {
        match self.attribute(name) {
            Some(Attribute::List(list)) => Ok(list.func.iter().map(|function| function.name.as_str()).collect()),
            _ => Err(format!("attribute `{name}` has to be a list of functions").into()),
        }
    }
}

/// An attribute, as it is written.
pub(super) fn attribute<'a>(node: &'a NodeDef, name: &str) -> Option<&'a Attribute> {
    node.attr.get(name)?.value.as_ref()
}

/// An attribute that is an element type.
pub(super) fn attribute_type(node: &NodeDef, name: &str) -> Option<i32> {
    match attribute(node, name) {
        Some(Attribute::Type(number)) => Some(*number),
        _ => None,
    }
}

/// An attribute that is a shape.
pub(super) fn attribute_shape<'a>(node: &'a NodeDef, name: &str) -> Option<&'a TensorShapeProto> {
    match attribute(node, name) {
        Some(Attribute::Shape(shape)) => Some(shape),
        _ => None,
    }
}
