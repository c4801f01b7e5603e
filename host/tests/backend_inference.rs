//! `inference`: a module opens the models that came with it and runs them, within its bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod wasm_guest;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sandstream::app;
use sandstream::backend::wasm::{Compiler, Config};
use sandstream::backend::{Artifact, Backend, Backends, Engines, Fault, Model, Payload, Rejected};
use sandstream::types::{Limits, Scores, Tensor, TensorRef};
use wasm_guest::{artifact, later, payload};

fn prebuilt(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../plugins/prebuilt/{name}.wasm"))).expect(name)
}

fn backends() -> Backends {
    let wasm = Config { sessions_max: 8, compiler: Compiler::InProcess, ..Config::default() };
    app::backends(&wasm, &Engines::default()).expect("a pool")
}

/// The guest `relay` with this config and these files.
fn relay(backends: &Backends, config: &str, artifacts: &[Artifact]) -> Result<Arc<dyn Model>, Rejected> {
    let what = Payload { config: config.as_bytes().into(), artifacts: artifacts.into(), ..payload(&prebuilt("relay")) };
    backends.load(&what, &Limits::default())
}

fn score(model: &dyn Model, rows: &[f32]) -> Result<Vec<f32>, Fault> {
    let count = (rows.len() / model.signature().inputs[0].fields.len()) as u32;
    let mut scores = Scores::default();
    let mut session = model.session(later(10_000)).expect("a session");
    session.score(0..count, &[TensorRef::Float32(rows)], later(10_000), &mut scores)?;
    let [Tensor::Float32(values)] = &scores.outputs[..] else { panic!("{scores:?}") };
    Ok(values.clone())
}

#[test]
fn a_module_runs_another_that_came_with_it() {
    let (backends, linear) = (backends(), prebuilt("wine-linear"));
    let inner = backends.load(&payload(&linear), &Limits::default()).unwrap();
    let outer = relay(&backends, "linear.wasm", &[artifact("linear.wasm", &linear)]).unwrap();
    let wines = &sandstream_wine::matrix()[..64 * 11];
    assert_eq!(score(&*outer, wines).unwrap(), score(&*inner, wines).unwrap());
}

#[cfg(feature = "tensorflow")]
#[test]
fn a_graph_is_run_and_its_cost_is_the_modules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/wine/optimized_WineQuality.pb");
    let Ok(graph) = fs::read(&path) else { return eprintln!("skipped: there is no {}", path.display()) };
    let backends = backends();
    let inner = Payload { kind: sandstream::types::proto::model_descriptor::ModelType::Tensorflow, ..payload(&graph) };
    let inner = backends.load(&inner, &Limits::default()).unwrap();
    let outer = relay(&backends, "net.pb", &[artifact("net.pb", &graph)]).unwrap();
    let wines = &sandstream_wine::matrix()[..64 * 11];
    assert_eq!(score(&*outer, wines).unwrap(), score(&*inner, wines).unwrap());
    let (cost, limits) = (outer.cost().expect("the graph's"), outer.limits());
    assert!(cost.engine.starts_with("tract ") && limits.call(1) > Limits::default().call(1), "{cost:?}, {limits:?}");
    assert_eq!(outer.tolerance(), inner.tolerance());
}

#[test]
fn what_cannot_be_opened_or_run_is_said() {
    let backends = backends();
    let (linear, relayed) = (prebuilt("wine-linear"), prebuilt("relay"));
    let files = [
        artifact("linear.wasm", &linear),
        artifact("inner.wasm", &relayed),
        artifact("broken.wasm", &linear[..1000]),
        artifact("told.wasm", &linear),
        artifact("told.wasm.signature.json", b"{\"inputs\": 7}"),
        artifact("words.csv", b"a,b"),
    ];
    // What `load` says of it.
    let rejected = [
        ("other.wasm", "there is no model `other.wasm` to open; there are: linear.wasm, inner.wasm, broken.wasm, told.wasm"),
        ("words.csv", "there is no model `words.csv` to open"),
        ("inner.wasm", "a model that another one opens cannot open models itself"),
        ("broken.wasm", "`broken.wasm` cannot be opened: it does not compile"),
        ("told.wasm", "`told.wasm.signature.json`: expected {\"inputs\":["),
    ];
    for (config, words) in rejected {
        let rejected = relay(&backends, config, &files).err().expect(config);
        assert!(rejected.reason.contains(words), "{config}: {rejected}");
    }
    // What a call says of it: eight rows for each of its own is the most that is granted.
    let refused = [
        ("linear.wasm times=8", None),
        ("linear.wasm times=9", Some("2 rows are too many: a call may run 8 of the models it opens for each row of its own")),
        ("linear.wasm rows=3", Some("input `x`: expected 33 values (3 rows of 11), got 22")),
    ];
    for (config, words) in refused {
        let model = relay(&backends, config, &files).expect(config);
        match (score(&*model, &sandstream_wine::matrix()[..22]), words) {
            (Ok(_), None) => {}
            (Err(Fault::Refused(reason)), Some(words)) => assert!(reason.contains(words), "{config}: {reason}"),
            (other, _) => panic!("{config}: {other:?}"),
        }
    }
    // With a call, nothing is opened any more.
    let late = relay(&backends, "linear.wasm late", &files).unwrap();
    let reason = score(&*late, &[1.0]).unwrap_err().to_string();
    assert!(reason.contains("`linear.wasm` was not opened in `load`"), "{reason}");
    // The whole backend still works.
    assert!(relay(&backends, "linear.wasm", &files).is_ok());
}

#[test]
fn the_time_of_an_opened_model_is_the_calls_time() {
    let backends = backends();
    let spin = artifact("spin.wasm", &prebuilt("hostile-spin"));
    let model = relay(&backends, "spin.wasm", &[spin]).expect("it spins in `score` alone");
    // The alcohol that sets it off.
    let row = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 666.0];
    let mut scores = Scores::default();
    let mut session = model.session(later(10_000)).unwrap();
    let late = session.score(0..1, &[TensorRef::Float32(&row)], later(50), &mut scores);
    assert_eq!(late, Err(Fault::Late));
}
