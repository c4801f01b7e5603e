//! A model that scores one row at a time, over structs.
//!
//! [`RowModel`] stands beside [`Model`]: a struct of what a row holds derives [`Features`], a struct of what the model answers
//! derives [`Outputs`], and the signature, the loop over the rows, the packing and the rejection of rows with missing fields follow
//! from them. [`export!`](crate::export) takes both kinds of model.
//!
//! ```
//! use sandstream_guest::{Error, Features, Outputs, Reject, RowModel};
//!
//! /// A wine, as the records have it.
//! #[derive(Features)]
//! struct Wine<'a> {
//!     alcohol: f32,
//!     #[field(name = "residual sugar")]
//!     sugar: Option<f32>,
//!     region: &'a str,
//! }
//!
//! #[derive(Outputs)]
//! struct Verdict {
//!     score: f32,
//!     label: &'static str,
//! }
//!
//! struct Taster;
//!
//! impl RowModel for Taster {
//!     type Row<'a> = Wine<'a>;
//!     type Answer = Verdict;
//!
//!     fn load(_config: &[u8]) -> Result<Self, Error> {
//!         Ok(Self)
//!     }
//!
//!     fn score(&mut self, wine: &Wine<'_>) -> Result<Verdict, Reject> {
//!         let alcohol = Reject::unless_within("alcohol", wine.alcohol, 0.0..=100.0)?;
//!         if wine.region.is_empty() {
//!             return Err(Reject::new("the wine is from nowhere"));
//!         }
//!         let score = alcohol + wine.sugar.unwrap_or(2.5);
//!         Ok(Verdict { score, label: if score > 12.0 { "good" } else { "plain" } })
//!     }
//! }
//!
//! sandstream_guest::export!(Taster);
//!
//! // A row is a plain struct, so what `score` does is tested like anything else.
//! let verdict = Taster.score(&Wine { alcohol: 11.0, sugar: None, region: "Minho" });
//! assert_eq!(verdict.map(|verdict| verdict.label), Ok("good"));
//! let verdict = Taster.score(&Wine { alcohol: 111.0, sugar: None, region: "Minho" });
//! assert_eq!(verdict.err().map(|reject| reject.to_string()).as_deref(), Some("alcohol is 111, outside of 0 to 100"));
//! ```
//!
//! A record without `alcohol` never comes to `score`: its row is rejected with "alcohol is missing".
//!
//! Mistakes are found by the compiler, at the field:
//!
//! ```compile_fail
//! #[derive(sandstream_guest::Features)]
//! struct Wine {
//!     year: u16, // expected f32, f64, i64, &str, String, &[u8], Vec<u8>, or an Option of one
//! }
//! ```
//!
//! ```compile_fail
//! #[derive(sandstream_guest::Outputs)]
//! struct Verdict {
//!     good: bool, // `bool` is not a value a model can give
//! }
//! ```

pub(crate) mod features;
mod outputs;

pub use features::Features;
pub use outputs::{Number, Outputs, Value};

use crate::{Error, Inputs, Model, Reject, Scores, Signature};

/// A scoring module, by rows.
///
/// Every `RowModel` is a [`Model`]; implement one of the two.
pub trait RowModel: Sized {
    /// What a row holds; it may borrow its texts and bytes from the batch.
    type Row<'a>: Features<'a>;

    /// What the model gives for a row.
    type Answer: Outputs;

    /// Makes the model from the `config` that was announced with it, and from its [`artifacts`](crate::artifacts). Called once,
    /// before anything else.
    ///
    /// # Errors
    /// The model cannot be used; it is rejected with this text.
    fn load(config: &[u8]) -> Result<Self, Error>;

    /// Scores a row. What the model keeps from one row to the next is for buffers only: the same row must give the same answer,
    /// whatever came before it.
    ///
    /// # Errors
    /// This row will not be scored; its record goes to the dead letters with the reason.
    fn score(&mut self, row: &Self::Row<'_>) -> Result<Self::Answer, Reject>;
}

impl<M: RowModel> Model for M {
    fn load(config: &[u8]) -> Result<Self, Error> {
        <M as RowModel>::load(config)
    }

    fn signature(&self) -> Signature {
        M::Answer::declare(M::Row::declare(Signature::new()))
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        score(self, inputs)
    }
}

/// Scores all rows. Every host runs SIMD, and what a model's `score` does is inlined here, so it may use it too.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn score<M: RowModel>(model: &mut M, inputs: &Inputs<'_>) -> Result<Scores, Error> {
    let columns = M::Row::columns(inputs)?;
    // Asked once, so that the loop over rows that miss nothing, which are the usual ones, asks nothing.
    let scores = if M::Row::whole(&columns) {
        score_rows::<M, true>(model, inputs.rows(), columns)
    } else {
        score_rows::<M, false>(model, inputs.rows(), columns)
    };
    scores.ok_or_else(|| Error::new(format_args!("an input has fewer than the {} rows that were promised", inputs.rows())))
}

#[inline]
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn score_rows<'a, M: RowModel, const WHOLE: bool>(
    model: &mut M,
    rows: usize,
    mut columns: <M::Row<'a> as Features<'a>>::Columns,
) -> Option<Scores> {
    <M::Row<'a> as Features<'a>>::cut(&mut columns, rows)?;
    let mut answers = M::Answer::columns(rows);
    let mut rejected = Vec::new();
    for row in 0..rows {
        let features = <M::Row<'a> as Features<'a>>::read::<WHOLE>(&mut columns, row);
        match features.and_then(|features| model.score(&features)) {
            Ok(answer) => answer.put(row, &mut answers),
            Err(reject) => {
                M::Answer::skip(&mut answers);
                rejected.push((row, reject.to_string()));
            }
        }
    }
    let mut scores = M::Answer::give(answers);
    for (row, reason) in rejected {
        scores.reject(row, reason);
    }
    Some(scores)
}
