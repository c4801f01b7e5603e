//! What is done to features before a model sees them, as scikit-learn does it, so that a model trained there scores the same here.
//!
//! Nothing here keeps state between rows but buffers. Missing values stay missing: NaN in is NaN out, or `None` where the answer is
//! no float.
//!
//! ```
//! use sandstream_guest::transform::{Buckets, Hashing, MinMax, Ngrams, OneHot, Standard};
//!
//! const INCOME: Standard = Standard::new(3200.0, 1100.0);
//! const SHARE: MinMax = MinMax::new(0.0, 0.5);
//! const AGE: Buckets<2> = Buckets::new([25.0, 60.0]);
//! const PURPOSE: OneHot<3> = OneHot::new(["car", "house", "study"]);
//!
//! assert_eq!(INCOME.apply(4300.0), 1.0);
//! assert_eq!(SHARE.apply(0.25_f32), 0.5);
//! assert_eq!(AGE.index(30.0), Some(1));
//! assert_eq!(PURPOSE.encode("house"), [0.0, 1.0, 0.0]);
//!
//! // Words and pairs of words, hashed into 16 columns.
//! let mut vector = [0.0; 16];
//! Ngrams::words(1..=2).each("Cannot log in", |gram| Hashing::<16>.add(gram, 1.0, &mut vector));
//! assert_eq!(vector.iter().map(|value: &f64| value.abs()).sum::<f64>(), 5.0);
//! ```

mod buckets;
mod hashing;
mod ngrams;
mod one_hot;
mod scale;
mod vocabulary;

pub use buckets::Buckets;
pub use hashing::{Hashing, murmur3};
pub use ngrams::Ngrams;
pub use one_hot::OneHot;
pub use scale::{MinMax, Standard, unit_length};
pub use vocabulary::Vocabulary;
