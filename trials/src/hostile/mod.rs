//! `cargo xtask hostile`: guests that attack the host, one after the other, as the only model of a stream; another stream of the
//! same host must not notice. Then the same guests at load, where the old model has to go on.

mod neighbour;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::Message as _;
use sandstream::pipeline::headers;
use sandstream::types::ModelId;
use sandstream::types::proto::Grants;
use serde::Serialize;

use crate::kit::broker::{self, Broker};
use crate::kit::hosts::{Host, Settings, data_type};
use crate::kit::world::{Format, World, await_answers, component, ends, model};
use crate::report;
use neighbour::Neighbour;
use sandstream_traffic::Load;
use sandstream_traffic::Tally;
use sandstream_traffic::{Isolation, Reader, header, origin};

/// Each guest, the kind of error that its triggers get, and words of the reason; then words of the reason at load.
const GUESTS: [Guest; 6] = [
    guest("memory", "sandstream.Trap", "bytes of memory in total", "bytes of memory in total"),
    guest("panic", "sandstream.Trap", "this panic is on purpose", "this panic is on purpose"),
    guest("recursion", "sandstream.Trap", "call stack exhausted", "call stack exhausted"),
    guest("rows", "sandstream.Shape", "expected", "has no columns"),
    guest("spin", "sandstream.Late", "not done within", "not done within"),
    guest("table", "sandstream.Trap", "table elements in total", "table elements in total"),
];

/// Records of an attack, and which of them set the guest off: some neighbours, some far apart.
const RECORDS: usize = 3000;
const TRIGGERS: [usize; 5] = [100, 102, 103, 1500, 2900];
/// The value of `alcohol` that does.
const TRIGGER: f64 = 666.0;

const PARTITIONS: i32 = 2;
const PATIENCE: Duration = Duration::from_secs(120);
/// The neighbour's results may come late on a busy machine, but they come.
const SILENCE_MAX: Duration = Duration::from_secs(3);

/// Lets hostile models loose.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    broker: broker::Args,
    /// Only this guest
    #[arg(long)]
    guest: Option<String>,
    /// Where the figures go, as JSON
    #[arg(long)]
    report: Option<PathBuf>,
}

struct Guest {
    name: &'static str,
    class: &'static str,
    reason: &'static str,
    at_load: &'static str,
}

const fn guest(name: &'static str, class: &'static str, reason: &'static str, at_load: &'static str) -> Guest {
    Guest { name, class, reason, at_load }
}

/// What came of one guest.
#[derive(Debug, Default, Serialize)]
struct Outcome {
    host_alive: bool,
    /// Results of the other stream while the guest attacked.
    neighbour_results: u64,
    /// The longest time without one, milliseconds.
    neighbour_silence_ms: u64,
    triggers: u64,
    dead_letters: u64,
    /// Dead letters of records that are no triggers.
    innocents: u64,
    /// Of the first dead letter, as its headers say it.
    reason: String,
    at_load_state: String,
    at_load_reason: String,
    /// State of the model that answered before, once the one that misbehaves at load was rejected.
    old_model: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let chosen: Vec<&Guest> = GUESTS.iter().filter(|guest| args.guest.as_deref().is_none_or(|name| name == guest.name)).collect();
    if chosen.is_empty() {
        bail!("there is no such guest; there are {}", GUESTS.map(|guest| guest.name).join(", "));
    }
    let broker = Broker::start(&args.broker)?;
    let mut folder = tempfile::tempdir()?;
    let checked = trial(&broker.address, &chosen, folder.path()).and_then(|(report, wrong)| {
        report::print(&report)?;
        report::write(args.report.as_deref(), &report)?;
        if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("; ")) }
    });
    if checked.is_err() {
        folder.disable_cleanup(true);
        eprintln!("the host's log is in {}", folder.path().display());
    }
    checked
}

type Report = BTreeMap<&'static str, Outcome>;

/// Attacks with each guest; the figures, and what is wrong with them.
fn trial(brokers: &str, chosen: &[&Guest], folder: &Path) -> Result<(Report, Vec<String>)> {
    let world = World::create(brokers, "hostile", PARTITIONS)?;
    let calm = World::create(brokers, "calm", PARTITIONS)?;
    let mut host = Host::start(&world, &settings(&calm, folder), folder)?;
    let steady = ModelId { data_type: "calm".into(), ..model("linear", 1) };
    world.publish(&steady, component("wine-linear")?, |_| ())?;
    host.await_model(&steady, &["Live"], PATIENCE)?;
    let neighbour = Neighbour::start(&calm)?;
    let mut report = Report::new();
    for guest in chosen {
        report.insert(guest.name, attack(&world, &mut host, &neighbour, guest)?);
    }
    let old = model("linear", 1);
    world.publish(&old, component("wine-linear")?, |_| ())?;
    host.await_model(&old, &["Live"], PATIENCE)?;
    for guest in chosen {
        let outcome = report.get_mut(guest.name).context("every guest has attacked")?;
        at_load(&world, &host, guest, &old, outcome)?;
    }
    neighbour.end()?;
    await_answers(&calm, PATIENCE)?;
    let mut wrong: Vec<String> = chosen.iter().flat_map(|guest| faults_of(guest, &report[guest.name])).collect();
    for (of, world) in [("attacked", &world), ("neighbour", &calm)] {
        let verdict = Tally::of(&world.traffic(), |_| ())?.verdict(&ends(world)?);
        if !verdict.is_clean() {
            wrong.push(format!("the {of} stream: {verdict:?}"));
        }
    }
    Ok((report, wrong))
}

fn settings(calm: &World, folder: &Path) -> Settings {
    let mut settings = Settings::new(Format::Protobuf);
    let calm_type = data_type(Format::Protobuf);
    settings.rest = format!(
        "[limits]\nload = \"2s\"\n[cache]\nfolder = {:?}\n[types.calm]\n{calm_type}\n[streams.neighbour]\ninputs = [\"{input}\"]\n\
         type = {{ constant = \"calm\" }}\ngroup = \"{input}\"\ninstance = \"one\"\n",
        folder.join("cache").display().to_string(),
        input = calm.input(),
    );
    settings
}

/// Makes the guest the only model of its stream, sends it records with triggers among them, and retires it.
fn attack(world: &World, host: &mut Host, neighbour: &Neighbour, guest: &Guest) -> Result<Outcome> {
    eprintln!("{}", guest.name);
    let id = model(&format!("hostile-{}", guest.name), 1);
    world.publish(&id, component(&id.name)?, |descriptor| {
        // Only the one that never ends is to be stopped by the clock, also where the machine is busy.
        let time = (guest.name != "spin").then_some(500_000);
        descriptor.grants = Some(Grants { call_base_us: time, ..Grants::default() });
    })?;
    host.await_model(&id, &["Live"], PATIENCE)?;
    let starts = ends(world)?;
    let expected =
        TRIGGERS.map(|at| (at as i32 % PARTITIONS, starts[at % PARTITIONS as usize] + (at as i64) / i64::from(PARTITIONS)));
    let watched = neighbour.watch();
    Load::new(&world.traffic(), records())?.fill(RECORDS as u64)?;
    let answered = await_answers(world, PATIENCE);
    let (neighbour_results, silence) = watched.end();
    answered.with_context(|| format!("under hostile-{}", guest.name))?;
    let mut outcome = Outcome {
        host_alive: host.process.ended()?.is_none() && host.get("/livez")?.0 == 200,
        neighbour_results,
        neighbour_silence_ms: silence.as_millis() as u64,
        triggers: TRIGGERS.len() as u64,
        ..Outcome::default()
    };
    Reader::open(&world.brokers, &world.dead_letters(), PARTITIONS, Isolation::Committed)?.to_end(|message| {
        let (partition, offset) = origin(message)?;
        if offset < starts[partition as usize] {
            return Ok(());
        }
        outcome.dead_letters += 1;
        let said = |name| header(message, name).unwrap_or_default();
        let (class, words) = (said(headers::CLASS), said(headers::MESSAGE));
        let blamed = said(headers::MODEL) == id.to_string() && said(headers::STAGE) == "score";
        let as_expected = class == guest.class && words.contains(guest.reason) && blamed;
        outcome.innocents += u64::from(!expected.contains(&(partition, offset)) || !as_expected);
        if outcome.reason.is_empty() || !as_expected {
            outcome.reason = format!("{class}: {words}");
        }
        // The record itself must be there to be looked at.
        message.payload().map(drop).context("a dead letter without its record")
    })?;
    world.retire(&id)?;
    host.await_model(&id, &["Retired"], PATIENCE)?;
    Ok(outcome)
}

/// Wines with triggers among them.
fn records() -> Vec<Vec<u8>> {
    let mut wines: Vec<_> = sandstream_wine::records().iter().cycle().take(RECORDS).cloned().collect();
    for at in TRIGGERS {
        wines[at].features[10] = TRIGGER;
    }
    wines.iter().map(sandstream_wine::Wine::to_protobuf).collect()
}

/// Publishes the guest so that it misbehaves at load, while another model answers.
fn at_load(world: &World, host: &Host, guest: &Guest, old: &ModelId, outcome: &mut Outcome) -> Result<()> {
    let id = model(&format!("hostile-{}", guest.name), 2);
    world.publish(&id, component(&id.name)?, |descriptor| descriptor.config = Some(b"load".to_vec()))?;
    let said = host.await_model(&id, &["Rejected", "Live", "Warm"], PATIENCE)?;
    let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    outcome.at_load_state = word(&said["state"]);
    outcome.at_load_reason = word(&said["reason"]);
    outcome.old_model = word(&host.model(old)?["state"]);
    let wines = sandstream_wine::records().iter().take(100).map(sandstream_wine::Wine::to_protobuf).collect();
    Load::new(&world.traffic(), wines)?.fill(100)?;
    await_answers(world, PATIENCE)
}

fn faults_of(guest: &Guest, outcome: &Outcome) -> Vec<String> {
    let told = [
        (outcome.host_alive, "the host did not live on"),
        (outcome.neighbour_results > 0, "the neighbour had no results"),
        (u128::from(outcome.neighbour_silence_ms) <= SILENCE_MAX.as_millis(), "the neighbour's results stopped for too long"),
        (outcome.dead_letters == outcome.triggers, "not as many dead letters as triggers"),
        (outcome.innocents == 0, "a dead letter is of another record or reason"),
        (outcome.at_load_state == "Rejected" && outcome.at_load_reason.contains(guest.at_load), "it was not rejected at load"),
        (outcome.old_model == "Live", "the old model did not stay live"),
    ];
    told.iter().filter(|(holds, _)| !holds).map(|(_, words)| format!("{}: {words}", guest.name)).collect()
}
