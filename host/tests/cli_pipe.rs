//! `sandstream pipe`, called as its users call it: records in, results out, models that come and go as files of a folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(unreachable_pub, missing_docs, reason = "shared by test programs, which have no readers outside")]
mod support;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sandstream_models::wine;
use serde_json::Value;
use support::program::{PATIENCE, guest};
use tempfile::TempDir;

const CONFIG: &str = r#"
[types.wine]
format = "json"
fields = ["fixed acidity", "volatile acidity", "citric acid", "residual sugar", "chlorides", "free sulfur dioxide",
  "total sulfur dioxide", "density", "pH", "sulphates", "alcohol"]

[streams.wine]
inputs = ["wine"]
type = { constant = "wine" }
"#;

/// A configuration without Kafka, and a folder of models.
struct Site {
    folder: TempDir,
}

/// A pipe that runs, fed and read by the test.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    log: PathBuf,
}

impl Site {
    fn new(models: &[&str]) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        site.write("host.toml", CONFIG.as_bytes());
        fs::create_dir(site.path("models")).unwrap();
        models.iter().for_each(|model| site.add(model));
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.path(name), bytes).unwrap();
        self.path(name).display().to_string()
    }

    fn add(&self, model: &str) {
        fs::copy(guest(model), self.path(&format!("models/{model}.wasm"))).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandstream"));
        command.arg("pipe").arg("--config").arg(self.path("host.toml")).args(words);
        if !words.contains(&"--models") {
            command.arg("--models").arg(self.path("models"));
        }
        command.env("SANDSTREAM_CACHE", env!("CARGO_TARGET_TMPDIR"));
        command
    }

    /// Runs to the end with this on stdin: exit code, stdout, stderr.
    fn call(&self, words: &[&str], input: &[u8]) -> (i32, String, String) {
        let file = self.write("stdin", input);
        let out = self.command(words).stdin(File::open(file).unwrap()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code().unwrap_or(-1), text(&out.stdout), text(&out.stderr))
    }

    fn start(&self, words: &[&str]) -> Running {
        let log = self.path("stderr");
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Running { child, input, output, log }
    }
}

impl Running {
    fn send(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn results(&mut self, count: usize) -> Vec<Value> {
        let mut line = String::new();
        let mut next = |_| {
            line.clear();
            self.output.read_line(&mut line).unwrap();
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
        };
        (0..count).map(&mut next).collect()
    }

    /// Waits for a line of stderr with all of these in it.
    fn until(&self, parts: &[&str]) {
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

    /// Closes stdin and waits.
    fn end(mut self) -> (ExitStatus, String) {
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
fn records(from: usize, to: usize) -> Vec<u8> {
    let all = sandstream_wine::records();
    let lines = (from..to).map(|i| all[i % all.len()].to_json(i as u64, 0));
    lines.flat_map(|line| [line.as_slice(), b"\n"].concat()).collect()
}

/// Each record is answered in its turn, by this model, as its native code does.
fn check(results: &[Value], from: usize, model: &str) {
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

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn from_and_to_whatever_there_is() {
    const COUNT: usize = 5000;
    let site = Site::new(&["wine-linear"]);
    let records = records(0, COUNT);
    let (input, output) = (site.write("in.jsonl", &records), site.path("out.jsonl").display().to_string());
    let report = site.path("report.json").display().to_string();
    for (from, to) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut words = vec!["--report", report.as_str()];
        if from {
            words.extend(["--input", input.as_str()]);
        }
        if to {
            words.extend(["--output", output.as_str()]);
        }
        let (code, out, err) = site.call(&words, if from { b"" } else { &records });
        assert_eq!(code, 0, "{words:?}: {err}");
        let results = lines(&if to { fs::read_to_string(&output).unwrap() } else { out });
        assert_eq!(results.len(), COUNT, "{words:?}");
        check(&results, 0, "wine-linear");
        let figures: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
        assert_eq!((&figures["records_in"], &figures["results"]), (&COUNT.into(), &COUNT.into()), "{figures}");
        assert_eq!((&figures["whole_input"], &figures["models"][0]["model"]), (&true.into(), &"wine-linear".into()), "{figures}");
    }
}

#[test]
fn models_come_are_broken_are_replaced_and_go() {
    let site = Site::new(&["wine-linear"]);
    let mut pipe = site.start(&["--wait", "1s"]);
    pipe.send(&records(0, 100));
    check(&pipe.results(100), 0, "wine-linear");

    // Half a file is no model, and a file that was written to a moment ago may be half of one.
    let forest = fs::read(guest("wine-forest")).unwrap();
    site.write("models/wine-forest.wasm", &forest[..forest.len() / 2]);
    pipe.until(&["WARN", "wine-forest", "state=\"Rejected\"", "reason="]);
    pipe.send(&records(100, 200));
    check(&pipe.results(100), 100, "wine-linear");

    site.add("wine-forest");
    pipe.until(&["wine-forest", "state=Live"]);
    pipe.send(&records(200, 300));
    check(&pipe.results(100), 200, "wine-forest");

    fs::remove_file(site.path("models/wine-forest.wasm")).unwrap();
    pipe.until(&["wine-linear", "state=Live", "revision=0"]);
    pipe.until(&["wine-forest", "state=Retired"]);
    pipe.send(&records(300, 400));
    check(&pipe.results(100), 300, "wine-linear");

    fs::remove_file(site.path("models/wine-linear.wasm")).unwrap();
    pipe.until(&["wine-linear", "state=Retired"]);
    pipe.send(&records(400, 401));
    let (status, log) = pipe.end();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("400 records are answered, the next 1 wait: waiting for a model of wine"), "{log}");
}

/// The two data types have the same fields; which one a record is, it says itself.
#[test]
fn several_data_types_have_a_folder_each() {
    let site = Site::new(&["wine-linear"]);
    let (wine, stream) = CONFIG.split_once("[streams.wine]").unwrap();
    let stream = stream.replace("{ constant = \"wine\" }", "{ field = \"kind\" }");
    site.write("host.toml", format!("{wine}{}[streams.wine]{stream}", wine.replace("types.wine", "types.vine")).as_bytes());
    for (data_type, model) in [("wine", "wine-linear"), ("vine", "wine-forest"), ("beer", "wine-linear")] {
        fs::create_dir(site.path(&format!("models/{data_type}"))).unwrap();
        fs::copy(guest(model), site.path(&format!("models/{data_type}/{model}@7.wasm"))).unwrap();
    }
    let text = String::from_utf8(records(0, 30)).unwrap();
    let kind = |i: usize| if i.is_multiple_of(3) { "wine" } else { "vine" };
    let lines_in: Vec<_> =
        text.lines().enumerate().map(|(i, line)| format!("{{\"kind\":\"{}\",{}", kind(i), &line[1..])).collect();
    let (code, out, err) = site.call(&[], lines_in.join("\n").as_bytes());
    assert_eq!(code, 0, "{err}");
    for part in
        ["the stream has several data types; put it into a folder of its own", "no data type `beer`; the nearest is `wine`"]
    {
        assert!(err.contains(part), "no `{part}` in {err}");
    }
    let results = lines(&out);
    assert_eq!(results.len(), 30);
    for (i, result) in results.iter().enumerate() {
        assert_eq!((&result["data_type"], &result["version"]), (&kind(i).into(), &"7".into()), "{result}");
        check(std::slice::from_ref(result), i, if kind(i) == "wine" { "wine-linear" } else { "wine-forest" });
    }
}

#[test]
fn protobuf_messages_after_their_lengths() {
    let site = Site::new(&["wine-linear"]);
    let schema = format!("{}/../examples/wine/wine.proto", env!("CARGO_MANIFEST_DIR"));
    let (_, stream) = CONFIG.split_once("[streams.wine]").unwrap();
    let config = format!("[types.wine]\nformat = \"protobuf\"\nschema = \"{schema}\"\nFEATURES\n[streams.wine]{stream}");
    let features = CONFIG.split_once("fields = ").unwrap().1.split_once(']').unwrap().0;
    site.write("host.toml", config.replace("FEATURES", &format!("features = {features}]")).as_bytes());
    let message = |i: usize| {
        let message = sandstream_wine::records()[i].to_protobuf();
        assert!(message.len() < 0x80, "its length is one byte");
        [&[message.len() as u8], message.as_slice()].concat()
    };
    let input: Vec<u8> = (0..50).flat_map(message).collect();
    let (code, out, err) = site.call(&[], &input);
    assert_eq!((code, lines(&out).len()), (0, 50), "{err}");
    check(&lines(&out), 0, "wine-linear");
    let (code, out, err) = site.call(&[], &input[..input.len() - 1]);
    assert_eq!((code, lines(&out).len()), (1, 49), "{err}");
    assert!(err.contains("49 records are answered, then the input failed: record 49: the input ends within it"), "{err}");
}

#[test]
fn what_cannot_be_scored_is_said_and_the_rest_goes_on() {
    let site = Site::new(&["wine-linear"]);
    let letters = site.path("bad.jsonl").display().to_string();
    let input = [&records(0, 1), b"{\"alcohol\": \"much\"}\n\n\xff\n".as_slice(), &records(1, 2)].concat();
    let (code, out, err) = site.call(&["--dead-letters", &letters], &input);
    assert_eq!(code, 2, "{err}");
    let offsets: Vec<_> = lines(&out).iter().map(|result| result["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, [0, 3]);
    let letters = lines(&fs::read_to_string(letters).unwrap());
    let said = |i: usize, name: &str| letters[i][name].as_str().unwrap_or_default().to_owned();
    assert_eq!((letters.len(), &letters[0]["offset"], &letters[1]["offset"]), (2, &1.into(), &2.into()), "{letters:?}");
    assert_eq!((said(0, "stage"), said(0, "record")), ("decode".to_owned(), "{\"alcohol\": \"much\"}".to_owned()));
    assert!(said(0, "reason").contains("expected a number"), "{letters:?}");
    assert_eq!(said(1, "record_hex"), "ff");
}

#[test]
fn what_cannot_work_is_said_with_what_to_do() {
    let site = Site::new(&[]);
    site.write("models/broken.wasm", b"\0asm, as far as one can see");
    let missing = site.path("none").display().to_string();
    let cases: &[(&[&str], &str)] = &[
        (&["--wait", "100ms"], "0 records are answered, the next 2 wait: waiting for a model of wine; --wait 100ms is over"),
        (&["--wait", "1s"], "wine/broken@"),
        (&["--stream", "vine"], "has no [streams.vine], but wine; the nearest is `wine`"),
        (&["--data-type", "whine"], "stream `wine` has no such data type; the nearest is `wine`"),
        (&["--input", &missing], "none: No such file"),
        (&["--output", "x", "--dead-letters", "x"], "need a file each"),
        (&["--models", &missing], "the folder of models, "),
        #[cfg(not(feature = "arrow"))]
        (&["--input", "wine.parquet"], "wine.parquet: this program was built without Parquet and Arrow files"),
        #[cfg(not(feature = "arrow"))]
        (&["--output", "scores.arrow"], "--features sandstream/arrow"),
        (&["--wait", "long"], "expected a duration such as"),
    ];
    for (words, expected) in cases {
        let (code, out, err) = site.call(words, &records(0, 2));
        assert_eq!((code, out.as_str()), (1, ""), "{words:?}: {err}");
        assert!(err.contains(expected), "{words:?}: no `{expected}` in {err}");
    }
}

#[test]
fn a_signal_ends_it_when_what_was_read_is_answered() {
    let site = Site::new(&["wine-linear"]);
    let mut pipe = site.start(&[]);
    pipe.send(&records(0, 10));
    check(&pipe.results(10), 0, "wine-linear");
    kill_process(Pid::from_child(&pipe.child), Signal::TERM).unwrap();
    let status = pipe.child.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{}", fs::read_to_string(&pipe.log).unwrap());
}

/// Peak of resident memory, KiB.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn memory_does_not_grow_with_the_input() {
    let site = Site::new(&["wine-linear"]);
    let mut pipe = site.start(&[]);
    let part = records(0, 20_000);
    let mut peaks = Vec::new();
    let mut input = pipe.input.take().unwrap();
    for round in 0..10 {
        let part = part.clone();
        let (sent, back) = std::sync::mpsc::sync_channel(1);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                input.write_all(&part).unwrap();
                sent.send(input).unwrap();
            });
            let results = pipe.results(20_000);
            assert_eq!(results[0]["offset"], round * 20_000);
        });
        input = back.recv().unwrap();
        peaks.push(peak(&pipe.child));
    }
    drop(input);
    assert!(pipe.end().0.success());
    assert!(peaks[9] < peaks[1] + 16 * 1024, "KiB at the peak, by round of 4 MB: {peaks:?}");
}
