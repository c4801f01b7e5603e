//! ONNX models: read within bounds, checked against an allow-list, and run by tract, with operators of our own where tract's are missing or
//! not what the specification says; or by ONNX Runtime, where its library is there.

mod allow;
mod analyse;
mod axes;
mod decode;
mod engine;
mod external;
mod load;
mod ops;
mod probe;
mod runtime;
mod shapes;
mod tensor;
mod walk;

pub use allow::{Operator, operators};
pub use engine::{Choice, Engines};
pub use load::{load, load_fixed, load_with};
pub use shapes::Shapes;

/// The engine's own message types, for tests and tools that write models.
pub use tract_onnx::pb;
