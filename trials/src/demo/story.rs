//! What happens in the demo: commands of `sandstream`, each at its time, printed as a user would type them.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::kit::hosts::program;
use crate::kit::world::{self, WINE};

/// What a command that refused its input exits with.
const REFUSED: i32 = 2;

/// A model that was refused, as its publisher is told.
#[derive(Debug, Serialize)]
pub(super) struct Rejected {
    pub(super) model: String,
    pub(super) reason: String,
}

struct Chapter {
    /// When, as a share of the demo's time.
    at: f64,
    title: &'static str,
    words: Vec<String>,
    /// What is published and must be refused.
    refused: Option<&'static str>,
}

/// Runs all chapters; the models that were refused.
pub(super) fn tell(config: &Path, seconds: u32) -> Result<Vec<Rejected>> {
    let broken = config.with_file_name("broken.wasm");
    let whole = world::component("wine-forest")?;
    std::fs::write(&broken, &whole[..whole.len() / 2])?;
    let began = Instant::now();
    let mut rejected = Vec::new();
    for chapter in chapters(config, &broken) {
        let due = Duration::from_secs_f64(chapter.at * f64::from(seconds));
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        println!("\n# {}\n$ sandstream {}", chapter.title, shown(&chapter.words));
        let out = Command::new(program()?).args(&chapter.words).output().context("cannot start sandstream")?;
        let said = String::from_utf8_lossy(&out.stdout);
        said.lines().for_each(|line| println!("  {line}"));
        match (chapter.refused, out.status.code()) {
            (None, Some(0)) => {}
            (Some(model), Some(REFUSED)) => {
                rejected.push(Rejected { model: model.to_owned(), reason: said.trim().to_owned() });
            }
            (_, code) => {
                let words = String::from_utf8_lossy(&out.stderr);
                bail!("`sandstream {}` ended with {code:?}: {}", shown(&chapter.words), words.trim())
            }
        }
    }
    Ok(rejected)
}

fn chapters(config: &Path, broken: &Path) -> Vec<Chapter> {
    let prebuilt = world::plugins().join("prebuilt");
    let command = |words: &[&str]| {
        let with = ["--config", &config.display().to_string(), "--data-type", WINE].map(str::to_owned);
        ["model"].iter().chain(words).map(|word| (*word).to_owned()).chain(with).collect::<Vec<_>>()
    };
    let publish = |file: &Path, name: &str, version: &str| {
        command(&["publish", &file.display().to_string(), "--name", name, "--version", version])
    };
    let (linear, forest) = (prebuilt.join("wine-linear.wasm"), prebuilt.join("wine-forest.wasm"));
    let chapter = |at, title, words| Chapter { at, title, words, refused: None };
    vec![
        chapter(0.02, "records wait until there is a model: a linear one", publish(&linear, "linear", "1")),
        chapter(0.2, "a better one: 100 boosted trees", publish(&forest, "forest", "1")),
        Chapter {
            refused: Some("forest@2"),
            ..chapter(0.4, "half a module: it is refused, and the forest goes on", publish(broken, "forest", "2"))
        },
        chapter(0.55, "the linear model again, as another version", publish(&linear, "linear", "2")),
        chapter(0.7, "it was better before: back to the forest, which is pinned", command(&["rollback"])),
        chapter(0.85, "lift the pin: the newest answers again", command(&["unpin"])),
    ]
}

/// A command as one would type it, long paths cut to their names.
fn shown(words: &[String]) -> String {
    let short = |word: &String| match Path::new(word).file_name() {
        Some(name) if word.contains('/') => name.to_string_lossy().into_owned(),
        _ => word.clone(),
    };
    words.iter().map(short).collect::<Vec<_>>().join(" ")
}
