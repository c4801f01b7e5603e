//! The model of `wine-linear`, written by rows: the signature comes from two structs, and a wine that lacks a measurement is
//! rejected with its name.

use sandstream_guest::{Error, Features, Outputs, Reject, RowModel};
use sandstream_models::{Linear, wine};

/// A wine, with the names that its records use.
#[derive(Features)]
struct Wine {
    #[field(name = "fixed acidity")]
    fixed_acidity: f32,
    #[field(name = "volatile acidity")]
    volatile_acidity: f32,
    #[field(name = "citric acid")]
    citric_acid: f32,
    #[field(name = "residual sugar")]
    residual_sugar: f32,
    chlorides: f32,
    #[field(name = "free sulfur dioxide")]
    free_sulfur_dioxide: f32,
    #[field(name = "total sulfur dioxide")]
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
