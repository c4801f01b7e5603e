//! The types of files.

use std::fs;

use anyhow::{Context, Result};
use sandstream::backend::{Backends, Session};
use sandstream::types::Scores;
use sandstream_networks::filetype::{FileType, Mode};

use super::model::{Answer, Pair, artifact, ask, fetched, module, network, own, read};

const NAMES: [&str; 3] = ["model.onnx", "config.min.json", "content_types_kb.min.json"];

pub(super) fn pair(backends: &Backends) -> Result<Pair> {
    let folder = fetched("filetype")?;
    let artifacts = NAMES.iter().map(|name| artifact(name, &folder.join(name))).collect::<Result<_>>()?;
    let [net, config, types] = NAMES.map(|name| folder.join(name));
    let knowledge = FileType::new(&read(&config)?, &read(&types)?, Mode::HighConfidence)?;
    let (mut net, mut scores) = (network(backends, &net, None)?, Scores::default());
    let native = Box::new(move |rows: &[&[u8]]| native(&knowledge, &mut *net, rows, &mut scores));
    Ok(Pair { module: module(backends, "filetype", &[], artifacts)?, native, values: values()?, texts: false })
}

/// As one writes it: all rows at once.
fn native(knowledge: &FileType, net: &mut dyn Session, rows: &[&[u8]], scores: &mut Scores) -> Result<Answer> {
    let mut tokens = Vec::new();
    let known: Vec<_> = rows.iter().map(|content| knowledge.look(content, &mut tokens)).collect();
    let asked = known.iter().filter(|known| known.is_none()).count();
    let answers = if asked > 0 { ask(net, asked, &[tokens], scores)? } else { &[] };
    let mut answers = answers.chunks_exact(knowledge.labels());
    let verdicts = known.into_iter().map(|known| {
        let verdict = known.or_else(|| knowledge.verdict(answers.next()?)).context("the network's scores are no numbers")?;
        Ok((verdict.label.to_owned(), verdict.score))
    });
    Ok(Answer::Labels(verdicts.collect::<Result<_>>()?))
}

/// The example's files that are shown to the network.
fn values() -> Result<Vec<Vec<u8>>> {
    let folder = own("filetype").join("files");
    let mut files = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let contents = files.iter().map(|file| read(file)).collect::<Result<Vec<_>>>()?;
    Ok(contents.into_iter().filter(|content| content.trim_ascii().len() > 8).collect())
}
