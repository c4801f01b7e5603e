//! Floor 0: the words everything above speaks. No I/O, no threads, no library of the outside world but the standard one, the
//! digest and the wire format of the control log.

mod batch;
pub mod control;
mod id;
mod limits;
pub mod proto;
mod rows;
mod schema;
mod signature;
mod tensor;

pub use batch::{Batch, Header, Record, Span};
pub use id::{Digest, DigestError, ModelId, Revision, hex};
pub use limits::Limits;
pub use rows::{RowFill, RowMut, Rows};
pub use schema::{Field, Kind, Schema, SchemaError, nearest, normalise};
pub use signature::{Dtype, Input, Output, Signature};
pub use tensor::{Packed, PackedRef, Rejection, RowView, Scores, Tensor, TensorRef};
