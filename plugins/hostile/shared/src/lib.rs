//! What the hostile guests have in common. Each is the linear wine model, honest until a record has the alcohol 666; announced
//! with the config `load` it misbehaves while it is loaded already.

use std::marker::PhantomData;

use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};
use sandstream_models::{Linear, wine};

/// The value of `alcohol` that sets a hostile guest off.
pub const TRIGGER: f32 = 666.0;

/// A way to misbehave.
pub trait Attack {
    /// In `score`, with the honest scores at hand.
    fn score(scores: &mut Vec<f32>);

    /// In `load`, with the honest signature at hand.
    fn load(_signature: &mut Signature) {
        Self::score(&mut Vec::new());
    }
}

/// The wine model that attacks by `A`.
pub struct Hostile<A> {
    model: Linear<11>,
    signature: Signature,
    attack: PhantomData<A>,
}

impl<A: Attack> Model for Hostile<A> {
    fn load(config: &[u8]) -> Result<Self, Error> {
        let mut signature = Signature::new().input("x", Dtype::Float32, wine::FEATURES).output("quality", Dtype::Float32, 1);
        if config == b"load" {
            A::load(&mut signature);
        }
        Ok(Self { model: wine::linear()?, signature, attack: PhantomData })
    }

    fn signature(&self) -> Signature {
        self.signature.clone()
    }

    #[allow(clippy::float_cmp, reason = "the trigger is set exactly, never computed")]
    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let x = inputs.float32(0)?;
        let mut scores = self.model.score(x.values());
        if x.rows().any(|row| row.last() == Some(&TRIGGER)) {
            A::score(&mut scores);
        }
        Ok(Scores::new().float32(scores))
    }
}
