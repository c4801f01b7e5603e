//! Why a model is not run.

/// A model that is not accepted: what was expected, what came, where in the file, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bytes are not what they should be.
    #[error("{what}: {reason}")]
    Malformed {
        /// The file or the part of it.
        what: String,
        /// What was expected, what came.
        reason: String,
    },
    /// An operator, or what is asked of it, is not on the allow-list.
    #[error("operator {operator} of node `{node}`: {reason}")]
    Operator {
        /// `Conv`, `ai.onnx.ml.Scaler`, `While`.
        operator: String,
        /// The node's name, or its first output where it has none.
        node: String,
        /// What is expected, what came, what to do.
        reason: String,
    },
    /// It asks for more than [`crate::Bounds`] allow.
    #[error("{what} is {got}, at most {max} are allowed")]
    TooLarge {
        /// What there is too much of, and where.
        what: String,
        /// How much there is.
        got: u64,
        /// How much there may be.
        max: u64,
    },
    /// The engine that is asked for is not there.
    #[error("ONNX Runtime cannot be used: {0}")]
    Unavailable(String),
    /// The engine could not make a plan of it; its own words.
    #[error("the engine does not accept it: {0}")]
    Engine(String),
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// A feed does not fit its port.
    #[error("input `{input}`: {reason}")]
    Feed {
        /// Name of the input.
        input: String,
        /// What was expected, what came.
        reason: String,
    },
    /// The engine refused; its own words. The runner can go on.
    #[error("{0}")]
    Failed(String),
    /// The engine panicked; the runner is beyond use.
    #[error("the engine panicked: {0}")]
    Panicked(String),
}
