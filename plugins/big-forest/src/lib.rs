//! Wine quality by a forest that is too large to be part of a module: it comes beside it, as the artifact `forest`, in the format
//! of `sandstream_models::Forest`. `cargo run --release -p sandstream-wine --bin train PATH` writes one of 30 MB.

use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature, artifacts};
use sandstream_models::wine::{self, BigForest};

struct Forest(BigForest);

impl Model for Forest {
    fn load(_config: &[u8]) -> Result<Self, Error> {
        // The file is scored where it lies: a second copy of 30 MB would not fit into a module's 64 MiB beside the first.
        let forest = BigForest::parse(artifacts::read("forest")?)?;
        if forest.columns() != wine::FEATURES.len() {
            let (columns, wanted) = (forest.columns(), wine::FEATURES.len());
            return Err(Error::new(format_args!("artifact \"forest\": trained on {columns} columns, a wine has {wanted}")));
        }
        Ok(Self(forest))
    }

    fn signature(&self) -> Signature {
        Signature::new().input("x", Dtype::Float32, wine::FEATURES).output("quality", Dtype::Float32, 1)
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let x = inputs.float32(0)?;
        Ok(Scores::new().float32(self.0.score(x.values())))
    }
}

sandstream_guest::export!(Forest);
