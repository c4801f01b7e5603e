//! What happens in the demo: commands of `sandstream`, each at its time, shown as a user would type them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::Options;
use crate::board::Board;
use crate::stage::{FOREST, FRAGILE, HALF, LINEAR, Stage};

/// What a command that refused its input exits with.
const REFUSED: i32 = 2;

/// A model that was refused, or taken out of service, and why.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rejected {
    pub(crate) model: String,
    pub(crate) reason: String,
}

struct Chapter {
    /// When, as a share of the demo's time.
    at: f64,
    title: &'static str,
    words: Vec<&'static str>,
    /// What is published and must be refused.
    refused: Option<&'static str>,
    /// Whether the host is asked afterwards what it has taken out of service.
    looks: bool,
}

const OF: [&str; 4] = ["--config", "wine.toml", "--data-type", "wine"];

fn publish(at: f64, title: &'static str, file: &'static str, name: &'static str, version: &'static str) -> Chapter {
    let words = [&["model", "publish", file, "--name", name, "--version", version], &OF[..]].concat();
    Chapter { at, title, words, refused: None, looks: false }
}

fn chapters() -> Vec<Chapter> {
    let order = |at, title, words: &[&'static str]| {
        let words = [words, &OF[..]].concat();
        Chapter { at, title, words, refused: None, looks: false }
    };
    vec![
        publish(0.0, "Records wait until there is a model. Here is one: a linear model, as WebAssembly.", LINEAR, "linear", "1"),
        publish(
            0.14,
            "A better one, 100 boosted trees. It is compiled and warmed beside the stream, then takes over.",
            FOREST,
            "forest",
            "1",
        ),
        Chapter {
            refused: Some("forest@2"),
            ..publish(0.28, "Half a module. It is rejected, and the forest goes on.", HALF, "forest", "2")
        },
        publish(0.4, "The linear model again, as another version: nothing is compiled.", LINEAR, "linear", "2"),
        publish(
            0.54,
            "A model that panics on some records. The version before scores them, so it is to blame.",
            FRAGILE,
            "fragile",
            "1",
        ),
        Chapter {
            looks: true,
            ..order(
                0.66,
                "It was better before: back to the version before this one. A rollback is pinned.",
                &["model", "rollback"],
            )
        },
        order(0.8, "Lift the pin: the newest that is in order answers.", &["model", "unpin"]),
        order(0.9, "Take the fragile one out of service.", &["model", "retire", "fragile@1"]),
    ]
}

/// A story that is being told.
pub(crate) struct Story {
    thread: JoinHandle<Result<Vec<Rejected>>>,
}

impl Story {
    pub(crate) fn start(stage: &Stage, options: &Options, board: &Arc<Board>) -> Result<Self> {
        let (board, stop, seconds) = (Arc::clone(board), Arc::clone(&options.stop), options.seconds);
        let stage = Stage { program: stage.program.clone(), folder: stage.folder.clone(), topics: stage.topics.clone() };
        let tell = move || tell(&stage, seconds, &board, &stop);
        Ok(Self { thread: thread::Builder::new().name("story".to_owned()).spawn(tell)? })
    }

    /// Waits until it is told and `streamed`, or `stop` is set; the models that were refused.
    pub(crate) fn finish(self, stop: &AtomicBool, streamed: impl Fn() -> bool) -> Result<Vec<Rejected>> {
        while !(self.thread.is_finished() && streamed() || stop.load(Ordering::Relaxed)) {
            thread::sleep(Duration::from_millis(20));
        }
        self.thread.join().map_err(|_| anyhow!("the story panicked"))?
    }
}

fn tell(stage: &Stage, seconds: u32, board: &Board, stop: &AtomicBool) -> Result<Vec<Rejected>> {
    let told = chapters().into_iter().try_fold(Vec::new(), |rejected, chapter| {
        let due = Duration::from_secs_f64(chapter.at * f64::from(seconds));
        wait(due, board.began, stop);
        if stop.load(Ordering::Relaxed) { Ok(rejected) } else { turn(stage, board, &chapter, rejected) }
    });
    // Whoever waits for the end of the load waits for no more orders.
    if told.is_err() {
        stop.store(true, Ordering::Relaxed);
    }
    told
}

fn wait(due: Duration, began: Instant, stop: &AtomicBool) {
    while began.elapsed() < due && !stop.load(Ordering::Relaxed) {
        thread::sleep((due.saturating_sub(began.elapsed())).min(Duration::from_millis(50)));
    }
}

fn turn(stage: &Stage, board: &Board, chapter: &Chapter, mut rejected: Vec<Rejected>) -> Result<Vec<Rejected>> {
    let typed = chapter.words.join(" ");
    board.say(&format!("# {}", chapter.title));
    board.say(&format!("$ sandstream {typed}"));
    let out = stage.sandstream(&chapter.words)?;
    let said = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    said.lines().for_each(|line| board.say(&format!("  {line}")));
    match (chapter.refused, out.status.code()) {
        (None, Some(0)) => {}
        (Some(model), Some(REFUSED)) => rejected.push(Rejected { model: model.to_owned(), reason: said }),
        (_, code) => {
            let words = String::from_utf8_lossy(&out.stderr);
            bail!("`sandstream {typed}` ended with {code:?}: {said} {}", words.trim())
        }
    }
    if chapter.looks {
        rejected.extend(quarantined(stage)?);
    }
    Ok(rejected)
}

/// Versions that the host has taken out of service by itself.
fn quarantined(stage: &Stage) -> Result<Vec<Rejected>> {
    let out = stage.sandstream(&["model", "list", "--config", "wine.toml", "--json"])?;
    let listed: Vec<Listed> = serde_json::from_slice(&out.stdout)?;
    let found = listed.into_iter().filter_map(|model| {
        let host = model.hosts.into_iter().find(|host| host.state == "Quarantined")?;
        let reason = format!("quarantined: {}", host.reason.unwrap_or_default());
        Some(Rejected { model: format!("{}@{}", model.name, model.version), reason })
    });
    Ok(found.collect())
}

/// A model as `model list --json` shows it.
#[derive(Deserialize)]
struct Listed {
    name: String,
    version: String,
    hosts: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    state: String,
    reason: Option<String>,
}
