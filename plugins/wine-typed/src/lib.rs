//! The model of `wine-linear`, written by rows: the signature comes from two structs, and a wine that lacks a measurement is
//! rejected with its name.

use sandstream_guest::{Error, Features, Outputs, Reject, RowModel};
use sandstream_models::{Linear, wine};

/// A wine. Field names match ignoring case, spaces, `_` and `.`, so most of them need no name of their own.
#[derive(Features)]
struct Wine {
    fixed_acidity: f32,
    volatile_acidity: f32,
    citric_acid: f32,
    residual_sugar: f32,
    chlorides: f32,
    free_sulfur_dioxide: f32,
    total_sulfur_dioxide: f32,
    density: f32,
    #[field(name = "pH")]
    acidity: f32,
    sulphates: f32,
    alcohol: f32,
}

#[derive(Outputs)]
struct Tasted {
    quality: f32,
}

struct WineTyped(Linear<11>);

impl RowModel for WineTyped {
    type Row<'a> = Wine;
    type Answer = Tasted;

    fn load(_config: &[u8]) -> Result<Self, Error> {
        Ok(Self(wine::linear()?))
    }

    fn score(&mut self, wine: &Wine) -> Result<Tasted, Reject> {
        let columns = [
            wine.fixed_acidity,
            wine.volatile_acidity,
            wine.citric_acid,
            wine.residual_sugar,
            wine.chlorides,
            wine.free_sulfur_dioxide,
            wine.total_sulfur_dioxide,
            wine.density,
            wine.acidity,
            wine.sulphates,
            wine.alcohol,
        ];
        Ok(Tasted { quality: self.0.one(&columns) })
    }
}

sandstream_guest::export!(WineTyped);
