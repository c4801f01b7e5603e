//! Components written by hand, so that they can do what no compiler would: `Guest` is an honest model, y = x + 1, and each test
//! replaces the part that misbehaves. The numbers in the text are places in its memory, laid out as the canonical ABI says.

#![allow(dead_code, reason = "every test program uses a part of it")]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use sandstream::backend::wasm::{Compiler, Config, Wasm};
use sandstream::backend::{Artifact, Backend, Fault, Model, Payload, Rejected, Session};
use sandstream::types::proto::model_descriptor::ModelType;
use sandstream::types::{Digest, Limits, Scores, TensorRef};

/// Types of the contract, imported as every component does that was made from the WIT.
const TYPES: &str = r#"
  (import "sandstream:model/types@0.1.0" (instance $types
    (type $d (enum "float32" "float64" "int64" "text" "bytes"))
    (export "dtype" (type $dtype (eq $d)))
    (type $i (record (field "name" string) (field "dtype" $dtype) (field "fields" (list string))))
    (export "input" (type $input (eq $i)))
    (type $o (record (field "name" string) (field "dtype" $dtype) (field "width" u32)))
    (export "output" (type $output (eq $o)))
    (type $s (record (field "inputs" (list $input)) (field "outputs" (list $output))))
    (export "signature" (type $signature (eq $s)))
    (type $p (record (field "data" (list u8)) (field "ends" (list u32)) (field "missing" (list u32))))
    (export "packed" (type $packed (eq $p)))
    (type $t (variant (case "float32" (list f32)) (case "float64" (list f64)) (case "int64" (list s64))
      (case "text" $packed) (case "bytes" $packed)))
    (export "tensor" (type $tensor (eq $t)))
    (type $r (record (field "row" u32) (field "reason" string)))
    (export "rejection" (type $rejection (eq $r)))
    (type $c (record (field "outputs" (list $tensor)) (field "rejected" (list $rejection))))
    (export "scores" (type $scores (eq $c)))))
  (alias export $types "signature" (type $signature))
  (alias export $types "tensor" (type $tensor))
  (alias export $types "scores" (type $scores))"#;

/// `log`, lowered into a core instance `$log`.
pub(crate) const LOG: &str = r#"
  (import "sandstream:model/log@0.1.0" (instance $logger
    (type $l (enum "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $l)))
    (export "emit" (func (param "level" $level) (param "message" string)))))
  (core func $emit (canon lower (func $logger "emit") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core instance $log (export "emit" (func $emit)))"#;

/// A component's parts.
#[derive(Clone)]
pub(crate) struct Guest {
    /// Component-level definitions after the core instance `$libc`.
    pub(crate) imports: String,
    /// Arguments of the main module's instantiation besides `libc`.
    pub(crate) with: String,
    /// Module-level fields of the main module.
    pub(crate) fields: String,
    /// Instructions before `load` gives its signature.
    pub(crate) load: String,
    /// Instructions of `score`; they leave a pointer to its result. Locals: `$rows`, `$inputs`, `$x` (the first matrix), `$i`, `$y`.
    pub(crate) score: String,
    /// Instructions before `realloc` gives memory away.
    pub(crate) realloc: String,
    /// Instructions of `score`'s post-return.
    pub(crate) post: String,
    /// Pages of memory, at least 2, and at most.
    pub(crate) memory: String,
    /// Element type and width of the output, as numbers.
    pub(crate) output: (u8, u32),
}

/// y = x + 1 into fresh memory, one float64 tensor.
pub(crate) const ADD_ONE: &str = r#"
  (local.set $y (call $alloc (i32.mul (local.get $rows) (i32.const 8))))
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $i) (local.get $rows)))
    (f64.store (i32.add (local.get $y) (i32.mul (local.get $i) (i32.const 8)))
      (f64.add (f64.const 1) (f64.load (i32.add (local.get $x) (i32.mul (local.get $i) (i32.const 8))))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (call $tensor (i32.const 1) (local.get $y) (local.get $rows))
  (i32.const 1160)"#;

/// Begins an instruction block that runs when the first value is 666.
pub(crate) fn on_666(then: &str) -> String {
    format!(r#"(if (f64.eq (f64.load (local.get $x)) (f64.const 666)) (then {then}))"#)
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            imports: String::new(),
            with: String::new(),
            fields: String::new(),
            load: String::new(),
            score: ADD_ONE.to_owned(),
            realloc: String::new(),
            post: String::new(),
            memory: "64".to_owned(),
            output: (1, 1),
        }
    }
}

impl Guest {
    /// The honest model, except that `score` begins with these instructions.
    pub(crate) fn before_score(instructions: &str) -> Self {
        Self { score: format!("{instructions} {ADD_ONE}"), ..Self::default() }
    }

    /// Does this when a row's batch begins with 666, and is honest otherwise.
    pub(crate) fn triggered(instructions: &str) -> Self {
        Self::before_score(&on_666(instructions))
    }

    /// Its text.
    pub(crate) fn text(&self) -> String {
        let Self { imports, with, fields, load, score, realloc, post, memory, output: (dtype, width) } = self;
        format!(
            r#"(component {TYPES}
  (core module $libc_module
    (memory (export "memory") {memory})
    (global $heap (mut i32) (i32.const 8192))
    (func (export "reset") (global.set $heap (i32.const 8192)))
    (func $realloc (export "realloc") (param i32 i32 i32 i32) (result i32)
      {realloc}
      (global.set $heap (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
      (global.get $heap)
      (global.set $heap (i32.add (global.get $heap) (local.get 3)))))
  (core instance $libc (instantiate $libc_module))
  {imports}
  (core module $main_module
    (import "libc" "memory" (memory 1))
    (import "libc" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "libc" "reset" (func $reset))
    {fields}
    (func $alloc (param i32) (result i32)
      (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (local.get 0)))
    (func $tensor (param $kind i32) (param $at i32) (param $len i32)
      (i32.store8 (i32.const 1200) (local.get $kind))
      (i32.store (i32.const 1204) (local.get $at))
      (i32.store (i32.const 1208) (local.get $len)))
    (func $reject (param $n i32) (param $row i32)
      (i32.store (i32.const 1176) (i32.add (local.get $n) (i32.const 1)))
      (local.set $n (i32.add (i32.const 1240) (i32.mul (local.get $n) (i32.const 12))))
      (i32.store (local.get $n) (local.get $row))
      (i32.store offset=4 (local.get $n) (i32.const 1024))
      (i32.store offset=8 (local.get $n) (i32.const 1)))
    (func (export "load") (param i32 i32) (result i32)
      {load}
      (i32.const 1040))
    (func (export "score") (param $rows i32) (param $inputs i32) (param i32) (result i32)
      (local $i i32) (local $y i32) (local $x i32)
      (local.set $x (i32.load offset=4 (local.get $inputs)))
      (i32.store (i32.const 1164) (i32.const 1200))
      (i32.store (i32.const 1168) (i32.const 1))
      (i32.store (i32.const 1176) (i32.const 0))
      {score})
    (func (export "post-load") (param i32) (call $reset))
    (func (export "post") (param i32) {post} (call $reset))
    (data (i32.const 1024) "xy")
    (data (i32.const 1040) "{}") (data (i32.const 1064) "{}") (data (i32.const 1080) "{}")
    (data (i32.const 1120) "{}") (data (i32.const 1160) "{}"))
  (core instance $main (instantiate $main_module (with "libc" (instance $libc)) {with}))
  (func $load (param "config" (list u8)) (result (result $signature (error string)))
    (canon lift (core func $main "load") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))
      (post-return (core func $main "post-load"))))
  (func $score (param "rows" u32) (param "inputs" (list $tensor)) (result (result $scores (error string)))
    (canon lift (core func $main "score") (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))
      (post-return (core func $main "post"))))
  (instance $scoring (export "load" (func $load)) (export "score" (func $score)))
  (export "sandstream:model/scoring@0.1.0" (instance $scoring)))"#,
            words(&[0, 1080, 1, 1120, 1]),
            words(&[1024, 1]),
            words(&[1024, 1, 1, 1064, 1]),
            words(&[1025, 1, u32::from(*dtype), *width]),
            words(&[0, 1200, 1, 1240, 0]),
        )
    }

    /// Its bytes.
    pub(crate) fn component(&self) -> Vec<u8> {
        component(&self.text())
    }
}

/// Little-endian words as the text format writes bytes.
fn words(words: &[u32]) -> String {
    words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| format!("\\{byte:02x}")).collect()
}

/// A component from its text.
pub(crate) fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// A backend that compiles in this process: what is compiled here is ours.
pub(crate) static WASM: LazyLock<Wasm> =
    LazyLock::new(|| Wasm::new(Config { sessions_max: 64, compiler: Compiler::InProcess, ..Config::default() }).expect("a pool"));

/// The host's own program, as compiler.
pub(crate) fn child() -> Compiler {
    Compiler::Child { program: env!("CARGO_BIN_EXE_sandstream").into() }
}

pub(crate) fn payload(component: &[u8]) -> Payload {
    Payload {
        kind: ModelType::Wasm,
        digest: Digest::of(component),
        data: component.into(),
        config: [].into(),
        artifacts: [].into(),
        signature: None,
        label: "wine/test@1".into(),
    }
}

pub(crate) fn artifact(name: &str, data: &[u8]) -> Artifact {
    Artifact { name: name.to_owned(), digest: Digest::of(data), data: data.into() }
}

/// Loads a component under these limits.
pub(crate) fn load_with(component: &[u8], limits: &Limits) -> Result<Arc<dyn Model>, Rejected> {
    WASM.load(&payload(component), limits)
}

pub(crate) fn load(component: &[u8]) -> Arc<dyn Model> {
    load_with(component, &Limits::default()).expect("loads")
}

/// Why it does not load.
pub(crate) fn rejected(component: &[u8]) -> Rejected {
    load_with(component, &Limits::default()).err().expect("to be rejected")
}

pub(crate) fn later(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}

pub(crate) fn session(guest: &Guest) -> Box<dyn Session> {
    load(&guest.component()).session(later(10_000)).expect("a session")
}

/// Scores one column of float64.
pub(crate) fn score(session: &mut dyn Session, x: &[f64], ms: u64) -> Result<Scores, Fault> {
    let mut y = Scores::default();
    session.score(0..x.len() as u32, &[TensorRef::Float64(x)], later(ms), &mut y)?;
    Ok(y)
}
