//! A configuration, a folder of models, and the built program on them.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sandstream_models::wine;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::program::{PATIENCE, guest};

pub(crate) const CONFIG: &str = r#"
[types.wine]
format = "json"
fields = ["fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide",
  "total sulfur dioxide", "density", "pH", "sulphates", "alcohol"]

[streams.wine]
inputs = ["wine"]
type = { constant = "wine" }
"#;

/// A configuration without Kafka, and a folder of models.
pub(crate) struct Site {
    folder: TempDir,
}

/// A pipe that runs, fed and read by the test.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) output: BufReader<ChildStdout>,
    pub(crate) log: PathBuf,
}

impl Site {
    pub(crate) fn new(models: &[&str]) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        site.write("host.toml", CONFIG.as_bytes());
        fs::create_dir(site.path("models")).unwrap();
        models.iter().for_each(|model| site.add(model));
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file is there at once: one that is written where it lies may be seen empty on a busy machine.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path("written"), bytes).unwrap();
        fs::rename(self.path("written"), self.path(name)).unwrap();
        self.path(name).display().to_string()
    }

    pub(crate) fn add(&self, model: &str) {
        fs::copy(guest(model), self.path(&format!("models/{model}.wasm"))).unwrap();
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandstream"));
        command.arg("pipe").arg("--config").arg(self.path("host.toml")).args(words);
        if !words.contains(&"--models") {
            command.arg("--models").arg(self.path("models"));
        }
        command.env("SANDSTREAM_CACHE", env!("CARGO_TARGET_TMPDIR"));
        command
    }

    /// Runs to the end with this on stdin: exit code, stdout, stderr.
    pub(crate) fn call(&self, words: &[&str], input: &[u8]) -> (i32, String, String) {
        let file = self.write("stdin", input);
        let out = self.command(words).stdin(File::open(file).unwrap()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code().unwrap_or(-1), text(&out.stdout), text(&out.stderr))
    }

    pub(crate) fn start(&self, words: &[&str]) -> Running {
        self.start_on(Stdio::piped(), words)
    }

    pub(crate) fn start_on(&self, stdin: impl Into<Stdio>, words: &[&str]) -> Running {
        let log = self.path("stderr");
        let mut command = self.command(words);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Running { child, input, output, log }
    }
}

impl Running {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub(crate) fn results(&mut self, count: usize) -> Vec<Value> {
        let mut line = String::new();
        let mut next = |_| {
            line.clear();
            self.output.read_line(&mut line).unwrap();
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
        };
        (0..count).map(&mut next).collect()
    }

    /// Waits for a line of stderr with all of these in it.
    pub(crate) fn until(&self, parts: &[&str]) {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = fs::read_to_string(&self.log).unwrap();
            if log.lines().any(|line| parts.iter().all(|part| line.contains(part))) {
                return;
            }
            assert!(Instant::now() < until, "no line with {parts:?}: {log}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn stop(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Reads what is still written and waits: exit code, results.
    pub(crate) fn rest(&mut self) -> (Option<i32>, Vec<Value>) {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap().code(), lines(&text))
    }

    /// Closes stdin and waits.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        drop(self.input.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "more than was read");
        let status = self.child.wait().unwrap();
        (status, fs::read_to_string(&self.log).unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Records `from..to` of the data set as JSON lines; it begins anew at its end.
pub(crate) fn records(from: usize, to: usize) -> Vec<u8> {
    let all = sandstream_wine::records();
    let lines = (from..to).map(|i| all[i % all.len()].to_json(i as u64, 0));
    lines.flat_map(|line| [line.as_slice(), b"\n"].concat()).collect()
}

/// Each record is answered in its turn, by this model, as its native code does.
pub(crate) fn check(results: &[Value], from: usize, model: &str) {
    let matrix = sandstream_wine::matrix();
    let expected = match model {
        "wine-linear" => wine::linear().unwrap().score(&matrix),
        _ => wine::forest().unwrap().score(&matrix),
    };
    for (i, result) in (from..).zip(results) {
        assert_eq!((&result["offset"], &result["model"]), (&i.into(), &model.into()), "{result}");
        let quality = result["outputs"]["quality"].as_f64().unwrap() as f32;
        let wanted = expected[i % expected.len()];
        assert!((quality - wanted).abs() <= 1e-5, "{result}: expected {wanted}");
    }
}

pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
