//! What flows between nodes while a graph is walked. Most of it is a tensor of the model that is being made; the rest is known while
//! the model is made, and is nothing any more when it runs.

use std::sync::Arc;

use tract_core::internal::{DatumType, OutletId};

/// A value on an edge.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A tensor of the model; constants are too.
    Tensor(OutletId),
    /// A variable, by the name it is told apart by.
    Variable(String),
    /// A variable of TensorFlow 1, which is its value wherever a value is asked for.
    Reference(String),
    /// A tensor in the bundle of variables, not read yet.
    Stored(String),
    /// Constant texts.
    Texts(Arc<Vec<Vec<u8>>>),
    /// A list of tensors, as loops use them.
    List(Arc<List>),
    /// What a branch that is not taken gives.
    Dead,
    /// What a node gives that only acts.
    Nothing,
}

impl Value {
    /// For messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Tensor(_) => "a tensor",
            Self::Variable(_) | Self::Reference(_) => "a variable",
            Self::Stored(_) => "a stored tensor",
            Self::Texts(_) => "texts",
            Self::List(_) => "a list of tensors",
            Self::Dead => "in a branch that is not taken",
            Self::Nothing => "nothing",
        }
    }
}

/// A list of tensors, whose length is known while the model is made.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) datum: DatumType,
    /// Dimensions of what was not set yet, where they are said.
    pub(super) item: Option<Vec<usize>>,
    pub(super) items: Vec<Item>,
}

/// One place of a list.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// Not set yet.
    Unset,
    /// A tensor.
    Tensor(OutletId),
    /// A tensor's place along its first dimension.
    Row(OutletId, usize),
}
