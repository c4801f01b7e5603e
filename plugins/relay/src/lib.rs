//! Hands its rows on to a model that came with it, and adds nothing: what `inference` does is measured and tested with it.
//!
//! Its config is the model's name, and, after spaces, what a test wants otherwise: `times=N` runs all rows N times, `rows=N` says
//! that there are N, `late` opens the model with the first call and not in `load`.

use sandstream_guest::inference::{self, Call, Graph};
use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature};

struct Relay {
    name: String,
    graph: Option<Graph>,
    times: usize,
    rows: Option<usize>,
}

impl Model for Relay {
    fn load(config: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(config)?;
        let mut words = text.split_whitespace();
        let name = words.next().ok_or_else(|| Error::new("expected the name of a model as config"))?.to_owned();
        let (mut times, mut rows, mut late) = (1, None, false);
        for word in words {
            match word.split_once('=') {
                Some(("times", number)) => times = number.parse()?,
                Some(("rows", number)) => rows = Some(number.parse()?),
                _ if word == "late" => late = true,
                _ => return Err(Error::new(format_args!("expected `times=N`, `rows=N` or `late`, got `{word}`"))),
            }
        }
        let graph = if late { None } else { Some(inference::open(&name)?) };
        Ok(Self { name, graph, times, rows })
    }

    fn signature(&self) -> Signature {
        let width = |width: Option<usize>| width.unwrap_or(1);
        let (takes, gives) = match &self.graph {
            Some(graph) => (width(graph.input_width(0)), width(graph.output_width(0))),
            None => (1, 1),
        };
        Signature::new().input("x", Dtype::Float32, vec![String::new(); takes]).output("y", Dtype::Float32, gives as u32)
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let graph = match &self.graph {
            Some(graph) => graph,
            None => self.graph.insert(inference::open(&self.name)?),
        };
        let (x, rows) = (inputs.float32(0)?.values(), self.rows.unwrap_or(inputs.rows()));
        let mut y = Vec::new();
        for _ in 0..self.times {
            y = graph.run(rows, Call::new().float32(x.to_vec()))?.read().float32(0)?.values().to_vec();
        }
        Ok(Scores::new().float32(y))
    }
}

sandstream_guest::export!(Relay);
