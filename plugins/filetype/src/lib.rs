//! The type of a file by its content. The record is the file; the network, its config and what is known of the types are those of the
//! PyPI package `magika`, announced with this module. `examples/filetype` has the commands.

use sandstream_guest::inference::{self, Call, Graph};
use sandstream_guest::{Dtype, Error, Inputs, Matrix, Model, Packed, Scores, Signature, artifacts};
use sandstream_networks::filetype::FileType as Knowledge;

/// Rows that the network is given at once: their tokens take 2 MiB.
const ROWS: usize = 128;

struct FileType {
    knowledge: Knowledge,
    network: Graph,
}

impl Model for FileType {
    /// The config is how sure the network has to be: `high-confidence` (the default), `medium-confidence` or `best-guess`.
    fn load(config: &[u8]) -> Result<Self, Error> {
        let mode = std::str::from_utf8(config)?.trim().parse()?;
        let (config, types) = (artifacts::read("config.min.json")?, artifacts::read("content_types_kb.min.json")?);
        let knowledge = Knowledge::new(&config, &types, mode)?;
        let network = inference::open("model.onnx")?;
        let (takes, gives) = (network.input_width(0), network.output_width(0));
        if (takes, gives) != (Some(knowledge.tokens()), Some(knowledge.labels())) {
            return Err(Error::new(format_args!(
                "expected a network of {} tokens and {} labels, as config.min.json says, got {takes:?} and {gives:?}",
                knowledge.tokens(),
                knowledge.labels()
            )));
        }
        Ok(Self { knowledge, network })
    }

    fn signature(&self) -> Signature {
        Signature::new().input("content", Dtype::Bytes, ["$value"]).output("label", Dtype::Text, 1).output(
            "score",
            Dtype::Float32,
            1,
        )
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let contents: Vec<Option<&[u8]>> = inputs.bytes(0)?.iter().collect();
        let (mut labels, mut scores, mut missing) = (Packed::new(), Vec::with_capacity(contents.len()), Vec::new());
        for rows in contents.chunks(ROWS) {
            let mut tokens = Vec::new();
            let known: Vec<_> = rows.iter().map(|row| self.knowledge.look(row.unwrap_or_default(), &mut tokens)).collect();
            let asked = known.iter().filter(|known| known.is_none()).count();
            let answers = if asked > 0 { Some(self.network.run(asked, Call::new().int64(tokens))?) } else { None };
            let answers = answers.as_ref().map(|answers| answers.read().float32(0)).transpose()?;
            let mut answers = answers.iter().flat_map(Matrix::rows);
            for (row, known) in rows.iter().zip(known) {
                let verdict = known.or_else(|| self.knowledge.verdict(answers.next()?));
                if verdict.is_none() || row.is_none() {
                    missing.push((scores.len(), row.is_none()));
                }
                labels.push(verdict.map(|verdict| verdict.label.as_bytes()));
                scores.push(verdict.map_or(f32::NAN, |verdict| verdict.score));
            }
        }
        let mut answer = Scores::new().text(labels).float32(scores);
        for (row, absent) in missing {
            answer.reject(row, if absent { "the record has no value" } else { "the network's scores are no numbers" });
        }
        Ok(answer)
    }
}

sandstream_guest::export!(FileType);
