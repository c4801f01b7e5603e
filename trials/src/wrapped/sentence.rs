//! The vectors of texts.

use anyhow::{Context, Result, anyhow};
use sandstream::backend::{Backends, Session};
use sandstream::types::{Scores, Signature};
use sandstream_networks::sentence::{Tokenizer, mean};

use super::model::{Answer, Pair, artifact, ask, fetched, module, network, own, read};

/// Tokens of a row in the network that is measured, and values of a token's vector.
const TOKENS: usize = 32;
const WIDTH: usize = 384;

pub(super) fn pair(backends: &Backends) -> Result<Pair> {
    let (folder, own) = (fetched("sentence")?, own("sentence"));
    let (net, tokenizer) = (folder.join("model.onnx"), folder.join("tokenizer.json"));
    let signature = own.join("model-32.onnx.signature.json");
    let artifacts = vec![
        artifact("model-32.onnx", &net)?,
        artifact("model-32.onnx.signature.json", &signature)?,
        artifact("tokenizer.json", &tokenizer)?,
    ];
    let module = module(backends, "sentence", b"model-32.onnx", artifacts)?;
    let signature = Signature::from_json(&read(&signature)?).map_err(|reason| anyhow!("{reason}"))?;
    let tokenizer = Tokenizer::new(&read(&tokenizer)?)?;
    let (mut net, mut scores) = (network(backends, &net, Some(signature))?, Scores::default());
    let native = Box::new(move |rows: &[&[u8]]| native(&tokenizer, &mut *net, rows, &mut scores));
    let texts = String::from_utf8(read(&own.join("texts.jsonl"))?)?;
    let text = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line)?;
        Ok(row["text"].as_str().context("a line without `text`")?.as_bytes().to_vec())
    };
    let values = texts.lines().map(text).collect::<Result<_>>()?;
    Ok(Pair { module, native, values, texts: true })
}

/// As one writes it: all rows at once.
fn native(tokenizer: &Tokenizer, net: &mut dyn Session, rows: &[&[u8]], scores: &mut Scores) -> Result<Answer> {
    let (mut ids, mut mask, mut tokens) = (Vec::new(), Vec::new(), Vec::new());
    let mut counts = Vec::with_capacity(rows.len());
    for row in rows {
        tokenizer.encode(std::str::from_utf8(row)?, TOKENS, &mut tokens);
        let rest = TOKENS.saturating_sub(tokens.len());
        ids.extend(tokens.iter().copied().chain(std::iter::repeat_n(tokenizer.padding(), rest)));
        mask.extend(std::iter::repeat_n(1, tokens.len()).chain(std::iter::repeat_n(0, rest)));
        counts.push(tokens.len());
    }
    let kinds = vec![0; ids.len()];
    let vectors = ask(net, rows.len(), &[ids, mask, kinds], scores)?;
    let mut means = Vec::with_capacity(rows.len() * WIDTH);
    for (vectors, count) in vectors.chunks_exact(TOKENS * WIDTH).zip(counts) {
        mean(vectors, count, WIDTH, &mut means);
    }
    Ok(Answer::Vectors(means))
}
