//! The vector of a text, of unit length: texts that mean the same lie close to each other. Tokens before the network, the mean of
//! its vectors after it; network and vocabulary are announced with this module. `examples/sentence` has the commands.

use sandstream_guest::inference::{self, Call, Graph};
use sandstream_guest::{Dtype, Error, Inputs, Model, Scores, Signature, artifacts};
use sandstream_networks::sentence::{Tokenizer, mean};

/// Values that the network gives in one call at most, which is 8 MiB: it has a vector for every token.
const VALUES_MAX: usize = 2 << 20;

struct Sentence {
    tokenizer: Tokenizer,
    /// One network for texts of several lengths, the shortest first: a row costs what its length costs.
    networks: Vec<Fitted>,
    width: usize,
}

/// The network, for texts of so many tokens at most.
struct Fitted {
    network: Graph,
    tokens: usize,
}

impl Model for Sentence {
    /// The config has the networks' names; they differ in nothing but the length of their rows. None is `model.onnx`.
    fn load(config: &[u8]) -> Result<Self, Error> {
        let tokenizer =
            Tokenizer::new(&artifacts::read("tokenizer.json")?).map_err(|error| Error::from(error).context("tokenizer.json"))?;
        let mut names: Vec<&str> = std::str::from_utf8(config)?.split_whitespace().collect();
        if names.is_empty() {
            names.push("model.onnx");
        }
        let mut networks = names.into_iter().map(Fitted::open).collect::<Result<Vec<_>, _>>()?;
        networks.sort_by_key(|network| network.tokens);
        let widths: Vec<_> = networks.iter().map(Fitted::width).collect();
        match widths.first() {
            Some(&width) if width > 0 && widths.iter().all(|other| *other == width) => Ok(Self { tokenizer, networks, width }),
            _ => Err(Error::new(format_args!("expected networks with vectors of one width, got {widths:?}"))),
        }
    }

    fn signature(&self) -> Signature {
        Signature::new().input("text", Dtype::Text, ["text"]).output("embedding", Dtype::Float32, self.width as u32)
    }

    fn score(&mut self, inputs: &Inputs<'_>) -> Result<Scores, Error> {
        let longest = self.networks.last().map_or(0, |network| network.tokens);
        let mut shares: Vec<Vec<(usize, Vec<i64>)>> = self.networks.iter().map(|_| Vec::new()).collect();
        let mut missing = Vec::new();
        for (row, text) in inputs.text(0)?.text().enumerate() {
            let Some(text) = text else {
                missing.push(row);
                continue;
            };
            let mut tokens = Vec::new();
            self.tokenizer.encode(text, longest, &mut tokens);
            let fits = self.networks.partition_point(|network| network.tokens < tokens.len());
            if let Some(share) = shares.get_mut(fits) {
                share.push((row, tokens));
            }
        }
        let mut embeddings = vec![0.0; inputs.rows() * self.width];
        for (network, share) in self.networks.iter().zip(&shares) {
            let rows = (VALUES_MAX / (network.tokens * self.width)).max(1);
            for rows in share.chunks(rows) {
                self.embed(network, rows, &mut embeddings)?;
            }
        }
        let mut answer = Scores::new().float32(embeddings);
        for row in missing {
            answer.reject(row, "text is missing");
        }
        Ok(answer)
    }
}

impl Sentence {
    /// Runs texts that fit one network, and puts each vector in its row.
    fn embed(&self, network: &Fitted, texts: &[(usize, Vec<i64>)], embeddings: &mut [f32]) -> Result<(), Error> {
        let mut ids = Vec::with_capacity(texts.len() * network.tokens);
        let mut mask = Vec::with_capacity(ids.capacity());
        for (_, tokens) in texts {
            let rest = network.tokens.saturating_sub(tokens.len());
            ids.extend(tokens.iter().copied().chain(std::iter::repeat_n(self.tokenizer.padding(), rest)));
            mask.extend(std::iter::repeat_n(1, tokens.len()).chain(std::iter::repeat_n(0, rest)));
        }
        let answers = network.run(texts.len(), ids, mask)?;
        let mut vector = Vec::with_capacity(self.width);
        for ((row, tokens), vectors) in texts.iter().zip(answers.read().float32(0)?.rows()) {
            vector.clear();
            mean(vectors, tokens.len(), self.width, &mut vector);
            if let Some(place) = embeddings.get_mut(row * self.width..(row + 1) * self.width) {
                place.copy_from_slice(&vector);
            }
        }
        Ok(())
    }
}

impl Fitted {
    fn open(name: &str) -> Result<Self, Error> {
        let network = inference::open(name)?;
        let inputs: Vec<&str> = network.inputs().collect();
        if !matches!(inputs[..], ["input_ids", "attention_mask"] | ["input_ids", "attention_mask", "token_type_ids"]) {
            let what =
                format_args!("{name}: expected the inputs input_ids, attention_mask and perhaps token_type_ids, got {inputs:?}");
            return Err(Error::new(what));
        }
        let tokens = network.input_width(0).filter(|tokens| *tokens >= 3);
        let tokens = tokens.ok_or_else(|| {
            Error::new(format_args!("{name}: expected rows of 3 tokens or more; {name}.signature.json says how many"))
        })?;
        Ok(Self { network, tokens })
    }

    /// Width of a token's vector; 0 where the network's answer is no vectors of all tokens.
    fn width(&self) -> usize {
        let values = self.network.output_width(0).unwrap_or_default();
        if values.is_multiple_of(self.tokens) { values / self.tokens } else { 0 }
    }

    /// A network with `token_type_ids` is for pairs of texts, too; here all tokens are of the first.
    fn run(&self, rows: usize, ids: Vec<i64>, mask: Vec<i64>) -> Result<inference::Answers<'_>, Error> {
        let zeros = vec![0; ids.len()];
        let call = Call::new().int64(ids).int64(mask);
        let pairs = self.network.inputs().count() > 2;
        self.network.run(rows, if pairs { call.int64(zeros) } else { call })
    }
}

sandstream_guest::export!(Sentence);
