//! The vector of a text, as sentence-transformers make it: tokens of a vocabulary, a network that has a vector for each of them, and
//! the mean of these, brought to unit length.

mod normal;
mod pool;
mod tokenizer;
mod words;

pub use pool::mean;
pub use tokenizer::Tokenizer;
