//! `sandstream model publish`: a model is announced, and what hosts make of it is said.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use prost::Message as _;
use serde_json::json;

use super::examine::{Depth, examine};
use super::large::Large;
use super::log::{Log, Write};
use super::status::{Notice, REFUSED};
use super::wait::{self, Answer, Answers, Judged, Outcome, Report};
use super::{Patience, Target, deploy, grants};
use crate::cli::check::findings::Findings;
use crate::cli::model_file::{self, ArtifactSource, Extras, File};
use crate::config::Config;
use crate::lifecycle::{Effect, Locations, Strategy, golden};
use crate::types::control::Key;
use crate::types::proto::{self, Artifact, ModelDescriptor, artifact, model_descriptor::Payload};
use crate::types::{Digest, ModelId, Revision};

/// A model that is larger is not loaded here before it is published, unless `--check` asks for it.
const SHOWN_MAX: usize = 32 << 20;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  sandstream model publish --config examples/wine/json.toml --data-type wine plugins/prebuilt/wine-linear.wasm
  sandstream model publish --config wine.toml --name forest --version 7 forest.wasm --artifact trees=@forest.trees
  sandstream model publish --config wine.toml big.wasm --location models/big.wasm
  sandstream model publish --config wine.toml net.onnx --golden golden.jsonl --check

A model that is too large for a record goes in chunks to the topic <models>.chunks.

Without --version the version is the record's offset in the control log, and publishing the newest model's bytes again changes
nothing. Exit code 2: the model was refused, or no host has said within --wait that it took it.")]
pub(super) struct Args {
    /// The model; with --location alone it is not needed where the location can be read here
    #[arg(value_name = "PATH", required_unless_present = "location")]
    path: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// Name of the model [default: the file's, without its ending]
    #[arg(long)]
    name: Option<String>,
    /// Version of the model [default: the offset of the announcement]
    #[arg(long)]
    version: Option<String>,
    /// A line for people
    #[arg(long, default_value = "")]
    description: String,
    #[command(flatten)]
    extras: Extras,
    /// A file given to the model's `load` as it is
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Where hosts find the model, under a folder, web server or bucket of `control.locations`, instead of in the record or in chunks beside it
    #[arg(long, value_name = "LOCATION")]
    location: Option<String>,
    /// What the model may use beyond the defaults, as in [limits]; may be given again
    #[arg(long = "grant", value_name = "KEY=VALUE")]
    grants: Vec<String>,
    /// Records and what the model has to say to them, as `sandstream test` reads them: hosts reject a model that answers otherwise
    #[arg(long, value_name = "FILE")]
    golden: Option<PathBuf>,
    /// Do everything but publish: load the model here, join it with the data type, try it and ask its goldens; exit code 1 where
    /// a host would reject it
    #[arg(long)]
    check: bool,
    /// Be refused if the data type has changed since this revision
    #[arg(long, value_name = "REVISION")]
    expects: Option<Revision>,
    /// Lift the pin of the data type once the model is ready
    #[arg(long)]
    unpin: bool,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn run(args: &Args) -> Result<ExitCode> {
    let config = args.target.config()?;
    let data_type = args.target.data_type(&config)?;
    let descriptor = descriptor(args, &config, &data_type)?;
    if args.check {
        let mut findings = Findings::default();
        let about = examine(&config, &descriptor, Depth::Tried, &mut findings)?;
        return findings.report(args.target.json, json!({ "model": about }));
    }
    show(args, &config, &descriptor);
    let mut log = Log::open(&config)?;
    let (name, version) = (descriptor.name.clone(), descriptor.version.clone());
    let id = |revision: Revision| ModelId {
        data_type: data_type.clone(),
        name: name.clone(),
        version: version.clone().unwrap_or_else(|| revision.to_string()),
    };
    // A record under a key needs a version of its own; without one it goes as the tutorial sends it.
    let key = version.as_ref().map(|_| Key::Model(id(0)));
    let write = Write { key: key.as_ref(), value: None, expects: args.expects };
    let (revision, effect) = match log.too_small_for(descriptor.encoded_len())? {
        None => log.write(Write { value: Some(&descriptor.encode_to_vec()), ..write })?,
        Some(takes) => {
            let large = Large::new(&log, descriptor, takes, config.limits.payload_bytes)?;
            log.write_large(write, large)?
        }
    };
    let report = |id: &ModelId, at: Revision| {
        let report = Report::new(format!("{id} (revision {at})"), args.target.json);
        report.with("model", json!(id.to_string())).with("version", json!(id.version)).with("revision", json!(at))
    };
    match effect {
        Err(refused) => report(&id(revision), revision).refused(&refused.reason),
        Ok(Effect::Again(at)) => {
            let known = log.history.catalog().models(&data_type).find(|model| model.revision == at).map(|model| model.id.clone());
            let id = known.unwrap_or_else(|| id(at));
            eprintln!("sandstream: {id} was announced with the same content at revision {at}; nothing changes");
            conclude(args, &mut log, &data_type, at, report(&id, at))
        }
        Ok(_) => conclude(args, &mut log, &data_type, revision, report(&id(revision), revision)),
    }
}

/// Says what the model takes and is filled with. What hosts say counts: what goes wrong here is no reason not to ask them.
fn show(args: &Args, config: &Config, descriptor: &ModelDescriptor) {
    if args.target.json || !matches!(&descriptor.payload, Some(Payload::Data(data)) if data.len() <= SHOWN_MAX) {
        return;
    }
    let mut findings = Findings::default();
    match examine(config, descriptor, Depth::Loaded, &mut findings) {
        Ok(_) => eprintln!("{}", findings.table().show()),
        Err(error) => eprintln!("sandstream: the model cannot be looked at here: {error:#}"),
    }
}

/// Waits, and lifts the pin where that was asked for.
fn conclude(args: &Args, log: &mut Log, data_type: &str, revision: Revision, report: Report) -> Result<ExitCode> {
    if args.patience.no_wait {
        if args.unpin {
            unpin(log, data_type)?;
        }
        return report.done("Published", "published; no host was waited for");
    }
    let mut answers = wait(log, data_type, revision, args.patience.wait)?;
    let is_pinned = matches!(log.history.catalog().deployment(data_type).0.strategy, Strategy::Pinned { .. });
    let ready = !answers.is_empty() && answers.values().all(|answer| answer.outcome != Outcome::Failed);
    if args.unpin
        && is_pinned
        && ready
        && let Some(deployed) = unpin(log, data_type)?
    {
        answers = deploy::wait(log, data_type, deployed, args.patience.wait)?;
    }
    let held = answers.values().any(|answer| answer.outcome == Outcome::Held) && is_pinned;
    let advice = held.then(|| {
        let words = args.target.words(data_type);
        format!("another version is pinned, so this one waits; `sandstream model unpin {words}` lifts the pin")
    });
    report.answered(&answers, args.patience.wait, advice.as_deref())
}

/// Lifts the pin, unless something has changed since this command has looked.
fn unpin(log: &mut Log, data_type: &str) -> Result<Option<Revision>> {
    let expects = log.history.catalog().revision();
    let (revision, effect) = deploy::write(log, data_type, deploy::latest(), expects)?;
    match effect {
        Ok(_) => Ok(Some(revision)),
        Err(refused) => {
            eprintln!("sandstream: the pin was not lifted: {}", refused.reason);
            Ok(None)
        }
    }
}

fn wait(log: &mut Log, data_type: &str, revision: Revision, patience: std::time::Duration) -> Result<Answers> {
    // What was published again may be live, and then nobody says so again.
    let mut known = Answers::new();
    for notice in log.states.of(data_type, revision) {
        if let Judged::Final(answer) = judge(notice, revision)
            && answer.outcome != Outcome::Failed
        {
            known.insert(notice.place.clone(), answer);
        }
    }
    wait::answers(log, data_type, patience, known, |_, notice| judge(notice, revision))
}

fn judge(notice: &Notice, revision: Revision) -> Judged {
    let said = notice.said.revision;
    if notice.name == REFUSED && said == Some(revision) {
        return Judged::Final(Answer::of(Outcome::Failed, notice));
    }
    match notice.model() {
        Some(model) if model == revision => {}
        Some(newer) if newer > revision && notice.is("Live") => {
            let reason = format!("`{}@{}` of revision {newer} is newer and live", notice.name, notice.version);
            return Judged::Final(Answer { reason: Some(reason), ..Answer::of(Outcome::Held, notice) });
        }
        _ => return Judged::Nothing,
    }
    match notice.said.state.as_str() {
        "Live" => Judged::Final(Answer::of(Outcome::Done, notice)),
        "Rejected" | "Quarantined" | "Retired" => Judged::Final(Answer::of(Outcome::Failed, notice)),
        // A version that is warm for a moment before it is live has no reason to be.
        "Warm" if notice.said.reason.is_some() => Judged::Final(Answer::of(Outcome::Held, notice)),
        _ => Judged::Pending(Answer::of(Outcome::Held, notice)),
    }
}

fn descriptor(args: &Args, config: &Config, data_type: &str) -> Result<ModelDescriptor> {
    let named = args.path.as_deref().or(args.location.as_deref().map(Path::new)).context("expected PATH or --location")?;
    let stem = named.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
    let name = args.name.clone().or(stem).context("--name: the file's name cannot be the model's; say one")?;
    let here = args.path.as_deref().map(model_file::model).transpose()?;
    let (payload, digest, start) = match (&args.location, here) {
        (None, Some(File { data, .. })) => {
            let (digest, start) = (Digest::of(&data), start(&data));
            (Payload::Data(data), Some(digest), start)
        }
        (Some(location), here) => {
            let found = located(config, location, here)?;
            let start = found.as_ref().map(|found| start(&found.data)).unwrap_or_default();
            (Payload::Location(location.clone()), found.map(|found| found.digest), start)
        }
        (None, None) => bail!("expected PATH or --location"),
    };
    Ok(ModelDescriptor {
        model_type: model_file::kind_of(args.extras.kind.as_deref(), named, &start)? as i32,
        name,
        description: args.description.clone(),
        data_type: data_type.to_owned(),
        payload: Some(payload),
        version: args.version.clone(),
        sha256: digest.map(|digest| digest.0.to_vec()),
        config: args.config_file.as_deref().map(model_file::read).transpose()?,
        evaluator: args.extras.evaluator.clone(),
        artifacts: args.extras.artifacts.iter().map(|text| artifact(config, text)).collect::<Result<_>>()?,
        grants: grants::read(&args.grants)?,
        goldens: args.golden.as_deref().map(goldens).transpose()?.unwrap_or_default(),
        signature: args.extras.signature()?.as_ref().map(proto::Signature::from),
        ..ModelDescriptor::default()
    })
}

/// The cases of a golden file, each as it is written.
fn goldens(path: &Path) -> Result<Vec<Vec<u8>>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let cases = golden::parse(&text).with_context(|| path.display().to_string())?;
    if let Some(case) = cases.iter().find(|case| case.expected.is_none()) {
        bail!(
            "{}: line {} has neither `outputs` nor `rejected`; `sandstream test --update` writes a guest's answers down",
            path.display(),
            case.line
        );
    }
    Ok(text.lines().filter(|line| !golden::is_comment(line)).map(|line| line.as_bytes().to_vec()).collect())
}

/// What a type is guessed by.
fn start(data: &[u8]) -> Vec<u8> {
    data.iter().take(512).copied().collect()
}

fn artifact(config: &Config, text: &str) -> Result<Artifact> {
    let (name, source) = model_file::artifact(text)?;
    let (content, digest) = match source {
        ArtifactSource::File(file) => {
            let data = model_file::read(file)?;
            let digest = Digest::of(&data);
            (artifact::Content::Data(data), Some(digest))
        }
        ArtifactSource::Location(location) => {
            let (location, claimed) = match location.split_once(",sha256:") {
                Some((location, hex)) => (location, Some(format!("sha256:{hex}").parse().with_context(|| text.to_owned())?)),
                None => (location, None),
            };
            let digest = match claimed {
                Some(digest) => Some(digest),
                None => located(config, location, None).with_context(|| format!("--artifact {text}"))?.map(|found| found.digest),
            };
            (artifact::Content::Location(location.to_owned()), digest)
        }
    };
    Ok(Artifact { name: name.to_owned(), content: Some(content), sha256: digest.map(|digest| digest.0.to_vec()) })
}

/// What is at a location: the copy that was given, or the file under this configuration's own folders. `None` where it cannot be
/// read here and hosts trust it as it is.
fn located(config: &Config, location: &str, copy: Option<File>) -> Result<Option<File>> {
    if copy.is_some() {
        return Ok(copy);
    }
    let control = &config.control;
    let found = Locations::open(&control.locations, &control.web, true, config.limits.payload_bytes);
    let found = found.and_then(|all| all.read(location));
    match found {
        Ok(found) => Ok(Some(File { data: found.data.to_vec(), digest: found.digest })),
        Err(_) if control.unverified_locations => Ok(None),
        Err(error) => Err(error).with_context(|| {
            format!(
                "`{location}` is published with its digest, so it has to be read once: give PATH, a copy of the file, or (an \
                 artifact) `,sha256:<hex>` after the location"
            )
        }),
    }
}
