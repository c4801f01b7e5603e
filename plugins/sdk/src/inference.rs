//! Models that were announced with this one, run by the host: a network behind your own preprocessing. The model's bytes never come
//! into the module.
//!
//! A model is an artifact whose name ends as its kind's files do: `net.onnx`, `net.pb`, `net.zip` (a SavedModel), `net.wasm`. What
//! its file leaves open, such as the length of a text, is said by an artifact `net.onnx.signature.json` beside it.
//!
//! ```no_run
//! # fn main() -> Result<(), sandstream_guest::Error> {
//! use sandstream_guest::inference::{self, Call};
//!
//! // In `load`, once:
//! let net = inference::open("net.onnx")?;
//! // In `score`, with all rows in one call:
//! let answers = net.run(2, Call::new().float32(vec![0.1, 0.2, 0.3, 0.4]))?;
//! let scores: &[f32] = answers.read().float32(0)?.values();
//! # Ok(()) }
//! ```

use crate::bindings::sandstream::model::{inference as host, types as wit};
use crate::{Error, Inputs, Packed};

/// A model that is open.
pub struct Graph {
    name: String,
    graph: host::Graph,
    inputs: Vec<wit::Input>,
    /// Its outputs, written as inputs so that they are read in the same way.
    outputs: Vec<wit::Input>,
}

/// Opens a model. It can be done in `load` alone, as what is open then is what the host reckons a call's time with.
///
/// # Errors
/// There is no such model, or it cannot be run; the reason says why.
pub fn open(name: &str) -> Result<Graph, Error> {
    let graph = host::open(name).map_err(Error::new)?;
    let signature = graph.signature();
    let read = |output: wit::Output| wit::Input {
        name: output.name,
        dtype: output.dtype,
        fields: vec![String::new(); output.width as usize],
    };
    Ok(Graph {
        name: name.to_owned(),
        graph,
        inputs: signature.inputs,
        outputs: signature.outputs.into_iter().map(read).collect(),
    })
}

impl Graph {
    /// Values that a row of input `index` has; `None` where there is no such input.
    #[must_use]
    pub fn input_width(&self, index: usize) -> Option<usize> {
        self.inputs.get(index).map(|input| input.fields.len())
    }

    /// Values that a row of output `index` has; `None` where there is no such output.
    #[must_use]
    pub fn output_width(&self, index: usize) -> Option<usize> {
        self.outputs.get(index).map(|output| output.fields.len())
    }

    /// Names of its inputs, in the order in which a [`Call`] gives them.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|input| input.name.as_str())
    }

    /// Runs all rows of a call at once, which is cheaper than one by one.
    ///
    /// # Errors
    /// The host says what it expected, what came, and of which bound it is.
    pub fn run(&self, rows: usize, call: Call) -> Result<Answers<'_>, Error> {
        let tensors = self.graph.run(rows as u32, &call.0).map_err(|reason| Error::new(reason).context(&self.name))?;
        Ok(Answers { rows, tensors, outputs: &self.outputs })
    }
}

/// What a model is given: its inputs in their order, each of rows x width values, row-major.
pub struct Call(Vec<wit::Tensor>);

impl Call {
    /// No inputs yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The next input, as 32-bit floats.
    #[must_use]
    pub fn float32(self, values: Vec<f32>) -> Self {
        self.with(wit::Tensor::Float32(values))
    }

    /// The next input, as 64-bit floats.
    #[must_use]
    pub fn float64(self, values: Vec<f64>) -> Self {
        self.with(wit::Tensor::Float64(values))
    }

    /// The next input, as 64-bit integers: what graphs take as integers of any width, and as truth values.
    #[must_use]
    pub fn int64(self, values: Vec<i64>) -> Self {
        self.with(wit::Tensor::Int64(values))
    }

    /// The next input, as texts.
    #[must_use]
    pub fn text(self, values: Packed) -> Self {
        self.with(wit::Tensor::Text(values.into_wit()))
    }

    /// The next input, as byte strings.
    #[must_use]
    pub fn bytes(self, values: Packed) -> Self {
        self.with(wit::Tensor::Bytes(values.into_wit()))
    }

    fn with(mut self, tensor: wit::Tensor) -> Self {
        self.0.push(tensor);
        self
    }
}

impl Default for Call {
    fn default() -> Self {
        Self::new()
    }
}

/// What a model answered.
pub struct Answers<'a> {
    rows: usize,
    tensors: Vec<wit::Tensor>,
    outputs: &'a [wit::Input],
}

impl Answers<'_> {
    /// Its outputs by number, each as a matrix of its type.
    #[must_use]
    pub fn read(&self) -> Inputs<'_> {
        Inputs::new(self.rows as u32, &self.tensors, self.outputs)
    }
}
