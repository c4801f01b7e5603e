//! WASM models through the seam: what an honest one gives, and what is said of one that cannot be loaded.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod wasm_guest;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use sandstream::backend::wasm::{Compiler, Config, Wasm};
use sandstream::backend::{Backend, Fault, Payload, Stage};
use sandstream::types::{Dtype, Limits, Scores, Tensor, TensorRef};
use wasm_guest::{Guest, LOG, WASM, artifact, later, load, load_with, payload, rejected, score, session};

#[test]
fn an_honest_model_loads_and_scores() {
    let model = load(&Guest::default().component());
    let signature = model.signature();
    assert_eq!(signature.inputs[0].name, "x");
    assert_eq!(signature.inputs[0].fields, ["x"]);
    assert_eq!(
        (signature.outputs[0].name.as_str(), signature.outputs[0].dtype, signature.outputs[0].width),
        ("y", Dtype::Float64, 1)
    );
    let mut session = model.session(later(10_000)).unwrap();
    for rows in [1, 2, 256, 1024, 0] {
        let x: Vec<f64> = (0..rows).map(f64::from).collect();
        let y = score(&mut *session, &x, 10_000).unwrap();
        assert_eq!(y.outputs, [Tensor::Float64(x.iter().map(|x| x + 1.0).collect())], "{rows} rows");
    }
}

#[test]
fn some_of_the_rows_are_scored() {
    let mut session = session(&Guest::default());
    let mut y = Scores::default();
    session.score(1..3, &[TensorRef::Float64(&[9.0, 1.0, 2.0, 9.0])], later(10_000), &mut y).unwrap();
    assert_eq!(y.outputs, [Tensor::Float64(vec![2.0, 3.0])]);
}

#[test]
fn sessions_share_nothing() {
    let counter = Guest {
        fields: "(global $calls (mut f64) (f64.const 0))".to_owned(),
        ..Guest::before_score(
            "(f64.store (local.get $x) (global.get $calls)) (global.set $calls (f64.add (global.get $calls) (f64.const 1)))",
        )
    };
    let model = load(&counter.component());
    let (mut one, mut other) = (model.session(later(10_000)).unwrap(), model.session(later(10_000)).unwrap());
    let first = |y: Scores| match &y.outputs[..] {
        [Tensor::Float64(y)] => y[0],
        other => panic!("{other:?}"),
    };
    assert_eq!(first(score(&mut *one, &[0.0], 10_000).unwrap()), 1.0);
    assert_eq!(first(score(&mut *one, &[0.0], 10_000).unwrap()), 2.0);
    assert_eq!(first(score(&mut *other, &[0.0], 10_000).unwrap()), 1.0);
}

#[test]
fn what_is_no_component_is_told_apart() {
    let core = wat::parse_str("(module)").unwrap();
    let precompiled = b"\x7fELF".to_vec();
    for (bytes, words) in [(core, "core module"), (precompiled, "expected a WebAssembly component"), (Vec::new(), "its 0 bytes")]
    {
        let rejected = rejected(&bytes);
        assert_eq!(rejected.stage, Stage::Verify);
        assert!(rejected.reason.contains(words), "{}", rejected.reason);
    }
}

/// A model whose `load` reads the artifact `weights` and takes its first eight bytes as what to add.
const READER: &str = r#"
  (import "sandstream:model/artifacts@0.1.0" (instance $artifacts
    (export "names" (func (result (list string))))
    (export "read" (func (param "name" string) (result (result (list u8) (error string)))))))
  (core func $read (canon lower (func $artifacts "read") (memory (core memory $libc "memory"))
    (realloc (core func $libc "realloc"))))
  (core instance $files (export "read" (func $read)))"#;

#[test]
fn a_model_reads_its_own_artifacts_only() {
    let guest = Guest {
        imports: READER.to_owned(),
        with: r#"(with "files" (instance $files))"#.to_owned(),
        fields: r#"(import "files" "read" (func $read (param i32 i32 i32)))
          (global $add (mut f64) (f64.const 0)) (data (i32.const 3000) "weights")"#
            .to_owned(),
        // The error of `read` becomes the error of `load`: both are a string at the same place.
        load: r#"(call $read (i32.const 3000) (i32.const 7) (i32.const 3100))
          (if (i32.load8_u (i32.const 3100)) (then
            (i32.store8 (i32.const 1040) (i32.const 1))
            (i32.store (i32.const 1044) (i32.load (i32.const 3104)))
            (i32.store (i32.const 1048) (i32.load (i32.const 3108)))
            (return (i32.const 1040))))
          (global.set $add (f64.load (i32.load (i32.const 3104))))"#
            .to_owned(),
        ..Guest::before_score("(f64.store (local.get $x) (global.get $add))")
    };
    let component = guest.component();
    let with = |name: &str| Payload { artifacts: [artifact(name, &41.0f64.to_le_bytes())].into(), ..payload(&component) };
    let model = WASM.load(&with("weights"), &Limits::default()).unwrap();
    let y = score(&mut *model.session(later(10_000)).unwrap(), &[0.0], 10_000).unwrap();
    assert_eq!(y.outputs, [Tensor::Float64(vec![42.0])]);
    let rejected = WASM.load(&with("other"), &Limits::default()).err().unwrap();
    assert!(rejected.reason.contains("no artifact `weights` was announced with this model; there are: other"), "{rejected}");
}

/// What is logged while `work` runs on this thread.
fn logged(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_flood_of_log_lines_is_a_trickle_without_tricks() {
    let flood = r#"
      (loop $next
        (call $emit (i32.const 2) (i32.const 3000) (i32.const 100))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 1000))))
      (local.set $i (i32.const 0))"#;
    let guest = Guest {
        imports: LOG.to_owned(),
        with: r#"(with "log" (instance $log))"#.to_owned(),
        fields: format!(
            r#"(import "log" "emit" (func $emit (param i32 i32 i32))) (data (i32.const 3000) "\1b[2Jgone\0a{}")"#,
            "a".repeat(91)
        ),
        ..Guest::before_score(flood)
    };
    let limits = Limits { log_lines_per_s: 7, log_line_bytes: 30, ..Limits::default() };
    let log = logged(|| {
        let model = load_with(&guest.component(), &limits).unwrap();
        let mut session = model.session(later(10_000)).unwrap();
        score(&mut *session, &[1.0], 10_000).unwrap();
    });
    let lines: Vec<_> = log.lines().collect();
    // The thousand lines may lie on both sides of a second's end.
    assert!((8..=16).contains(&lines.len()), "{log}");
    assert!(lines[0].contains(r#"WARN guest: \u{1b}[2Jgone\naaaaaaaaaaaaaaa… model="wine/test@1""#), "{log}");
    assert!(log.contains("log lines over the rate were dropped") && !log.contains('\u{1b}'), "{log}");
}

/// Bytes that are published under two names are loaded once; each name has log lines of its own.
#[test]
fn log_lines_name_the_announcement_they_belong_to() {
    let guest = Guest {
        imports: LOG.to_owned(),
        with: r#"(with "log" (instance $log))"#.to_owned(),
        fields: r#"(import "log" "emit" (func $emit (param i32 i32 i32))) (data (i32.const 3000) "hello")"#.to_owned(),
        ..Guest::before_score("(call $emit (i32.const 2) (i32.const 3000) (i32.const 5))")
    };
    let first = load_with(&guest.component(), &Limits::default()).unwrap();
    assert!(first.labelled(&"wine/test@1".into()).is_none(), "it is that one");
    let second = first.labelled(&"beer/other@2".into()).unwrap();
    for (model, line) in [(&first, r#"hello model="wine/test@1""#), (&second, r#"hello model="beer/other@2""#)] {
        let log = logged(|| {
            score(&mut *model.session(later(10_000)).unwrap(), &[1.0], 10_000).unwrap();
        });
        assert!(log.contains(line), "{log}");
    }
}

#[test]
fn a_full_pool_is_said_to_be_full() {
    let wasm = Wasm::new(Config { sessions_max: 2, compiler: Compiler::InProcess, ..Config::default() }).unwrap();
    let model = wasm.load(&payload(&Guest::default().component()), &Limits::default()).unwrap();
    let one = model.session(later(10_000)).unwrap();
    let _other = model.session(later(10_000)).unwrap();
    let full = model.session(later(10_000)).err();
    assert!(matches!(&full, Some(Fault::Refused(why)) if why.contains("holds 2 sessions at most")), "{full:?}");
    drop(one);
    assert!(model.session(later(10_000)).is_ok(), "a place was given back");
}

#[test]
fn sessions_of_one_model_run_side_by_side() {
    let model = load(&Guest::default().component());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let model = &model;
            scope.spawn(move || {
                let mut session = model.session(later(10_000)).unwrap();
                for call in 0..200 {
                    let x = f64::from(thread * 1000 + call);
                    let y = score(&mut *session, &[x; 64], 10_000).unwrap();
                    assert_eq!(y.outputs, [Tensor::Float64(vec![x + 1.0; 64])]);
                }
            });
        }
    });
}

#[test]
fn a_thousand_sessions_come_and_go_in_a_small_pool() {
    let model = load(&Guest::default().component());
    for i in 0..1000 {
        let mut session = model.session(later(10_000)).unwrap();
        let y = score(&mut *session, &[f64::from(i)], 10_000).unwrap();
        assert_eq!(y.outputs, [Tensor::Float64(vec![f64::from(i) + 1.0])]);
    }
}

/// A log that takes its time: whoever writes to it does not have the processor meanwhile.
struct SlowLog;

impl tracing::Subscriber for SlowLog {
    fn enabled(&self, about: &tracing::Metadata<'_>) -> bool {
        about.target() == "guest"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    #[expect(clippy::disallowed_methods, reason = "nothing is waited for: it stands for a processor that others have")]
    fn event(&self, _: &tracing::Event<'_>) {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_guest_that_did_not_get_the_processor_is_not_to_blame() {
    let guest = Guest {
        imports: LOG.to_owned(),
        with: r#"(with "log" (instance $log))"#.to_owned(),
        fields: r#"(import "log" "emit" (func $emit (param i32 i32 i32)))"#.to_owned(),
        ..Guest::before_score("(call $emit (i32.const 3) (i32.const 1024) (i32.const 1))")
    };
    let mut session = session(&guest);
    let y = tracing::subscriber::with_default(SlowLog, || score(&mut *session, &[1.0; 64], 50));
    assert!(y.is_ok(), "{y:?}");
}
