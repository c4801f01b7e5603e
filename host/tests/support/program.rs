//! The built program, called as its users call it: commands that end, and a host that runs.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sandstream::stream::kafka::{PublishRecord, publish};
use serde_json::Value;
use tempfile::TempDir;

use super::kafka::{config, unique};

pub const PATIENCE: Duration = Duration::from_secs(90);

/// A configuration, an environment, and topics that are nobody else's.
pub struct Site {
    pub brokers: String,
    /// Beginning of every name.
    pub name: String,
    pub folder: TempDir,
    pub file: PathBuf,
    environment: Vec<(String, String)>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code, and that each of these is in the output.
    pub fn expect(self, what: &str, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, code, "{what}: {self:#?}");
        for part in parts {
            assert!(self.out.contains(part) || self.err.contains(part), "{what}: no `{part}` in {self:#?}");
        }
        self
    }
}

impl Site {
    /// `text` is the configuration; `NAME` and `BROKERS` in it are put in.
    pub fn new(brokers: &str, stem: &str, text: &str) -> Self {
        let mut site = Self::of(brokers, stem, Path::new(""));
        site.file = site.folder.path().join("host.toml");
        let text = text.replace("NAME", &site.name).replace("BROKERS", brokers);
        std::fs::write(&site.file, text).unwrap();
        site
    }

    /// A configuration that is there; what must be this test's own is set by [`Site::set`].
    pub fn of(brokers: &str, stem: &str, file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut site =
            Self { brokers: brokers.to_owned(), name: unique(stem), folder, file: file.to_path_buf(), environment: Vec::new() };
        // Models that one test has compiled need not be compiled for the next.
        site.set("SANDSTREAM_CACHE", env!("CARGO_TARGET_TMPDIR"));
        site
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandstream"));
        command.args(words).arg("--config").arg(&self.file).envs(self.environment.iter().cloned());
        command
    }

    /// Calls a command with this configuration.
    pub fn call(&self, words: &[&str]) -> Ran {
        let out = self.command(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: out.status.code().unwrap_or(-1), out: text(&out.stdout), err: text(&out.stderr) }
    }

    /// Writes to the control log what no command of the program would.
    pub fn control(&self, topic: &str, key: Option<&str>, value: Option<&[u8]>) -> u64 {
        let record = PublishRecord { partition: Some(0), key: key.map(str::as_bytes), value, headers: &[] };
        publish(&config(&self.brokers, &[]), topic, record, PATIENCE).unwrap() as u64
    }

    /// Starts a host; returns when its lanes have joined.
    pub fn run(&self) -> Program {
        let log = self.folder.path().join(unique("log"));
        let mut command = self.command(&["run"]);
        command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let program = Program { child, log };
        assert!(line.contains("\"event\":\"running\""), "{line}{}", program.log());
        program
    }

    /// Calls a command until its JSON is as wanted.
    pub fn until(&self, words: &[&str], is_so: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let ran = self.call(words);
            let value: Value = serde_json::from_str(&ran.out).unwrap_or_default();
            if is_so(&value) {
                return value;
            }
            assert!(Instant::now() < until, "{words:?}: {ran:#?}");
        }
    }
}

/// A host that runs. It is killed where a test fails.
pub struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, self.log());
            }
            assert!(Instant::now() < until, "it does not end: {}", self.log());
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Ends it in order.
    pub fn end(self) {
        let (status, log) = self.terminate();
        assert!(status.success(), "{status}: {log}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A prebuilt guest.
pub fn guest(name: &str) -> String {
    format!("{}/../plugins/prebuilt/{name}.wasm", env!("CARGO_MANIFEST_DIR"))
}
