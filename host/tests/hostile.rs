//! Components that attack the host, offline: each is interrupted, refused or trapped, says why, and hurts nobody else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod wasm_guest;

use sandstream::backend::{Fault, Stage};
use sandstream::types::{Limits, Tensor};
use wasm_guest::{ADD_ONE, Guest, LOG, load, load_with, on_666, rejected, score, session};

const SPIN: &str = "(loop $forever (br $forever))";

/// What `score` gives when it does this instead of an honest answer on 666; the same session has scored honestly before.
fn fault_on_trigger(name: &str, guest: &Guest) -> Fault {
    let mut attacked = session(guest);
    let mut neighbour = session(&Guest::default());
    assert!(score(&mut *attacked, &[1.0], 10_000).is_ok(), "{name}: honest until triggered");
    let fault = score(&mut *attacked, &[666.0, 1.0], 50).expect_err(name);
    if matches!(fault, Fault::Trap(_) | Fault::Late) {
        let again = score(&mut *attacked, &[1.0], 10_000);
        assert!(matches!(&again, Err(Fault::Trap(why)) if why.contains("beyond use")), "{name}: {again:?}");
    } else {
        assert!(score(&mut *attacked, &[1.0], 10_000).is_ok(), "{name}: its session lives on");
    }
    let y = score(&mut *neighbour, &[1.0], 10_000).expect(name);
    assert_eq!(y.outputs, [Tensor::Float64(vec![2.0])], "{name}: the neighbour");
    fault
}

#[test]
fn a_guest_that_spins_is_interrupted() {
    let spin_in_realloc =
        Guest { realloc: format!("(if (i32.gt_u (local.get 3) (i32.const 100000)) (then {SPIN}))"), ..Guest::default() };
    let post_spins = Guest {
        fields: "(global $armed (mut i32) (i32.const 0))".to_owned(),
        score: format!("{} {ADD_ONE}", on_666("(global.set $armed (i32.const 1))")),
        post: format!("(if (global.get $armed) (then {SPIN}))"),
        ..Guest::default()
    };
    for (name, guest) in [("score", Guest::triggered(SPIN)), ("post-return", post_spins)] {
        assert_eq!(fault_on_trigger(name, &guest), Fault::Late, "{name}");
    }
    let mut session = session(&spin_in_realloc);
    assert_eq!(score(&mut *session, &vec![1.0; 20_000], 50), Err(Fault::Late), "realloc");
}

#[test]
fn a_guest_that_fills_memory_is_interrupted() {
    let fill = "(loop $forever (memory.fill (i32.const 65536) (i32.const 1) (i32.const 4000000)) (br $forever))";
    assert_eq!(fault_on_trigger("fill", &Guest::triggered(fill)), Fault::Late);
}

#[test]
fn a_guest_that_spins_at_load_is_rejected() {
    let limits = Limits { load: std::time::Duration::from_millis(50), ..Limits::default() };
    let start = format!("(func $start {SPIN}) (start $start)");
    let cases =
        [("load", Guest { load: SPIN.to_owned(), ..Guest::default() }), ("start", Guest { fields: start, ..Guest::default() })];
    for (name, guest) in cases {
        let rejected = load_with(&guest.component(), &limits).err().expect(name);
        assert_eq!(rejected.stage, Stage::Warm, "{name}");
        assert!(rejected.reason.contains("not done within 50ms"), "{name}: {}", rejected.reason);
    }
}

#[test]
fn a_guest_that_traps_says_where() {
    let recursion = Guest { fields: "(func $deeper (call $deeper))".to_owned(), ..Guest::triggered("(call $deeper)") };
    let named = Guest { fields: "(func $the_culprit unreachable)".to_owned(), ..Guest::triggered("(call $the_culprit)") };
    let cases = [
        ("unreachable", named, "unreachable` instruction executed; in the_culprit"),
        ("recursion", recursion, "call stack exhausted"),
        ("out of bounds", Guest::triggered("(drop (i32.load (i32.const -4)))"), "out of bounds memory access"),
        ("division", Guest::triggered("(drop (i32.div_u (i32.const 1) (i32.const 0)))"), "integer divide by zero"),
    ];
    for (name, guest, words) in cases {
        let fault = fault_on_trigger(name, &guest);
        assert!(matches!(&fault, Fault::Trap(why) if why.contains(words)), "{name}: {fault:?}");
    }
}

#[test]
fn memory_and_tables_end_at_their_limit() {
    let table = "(table $t 1 funcref)";
    let grow_table = "(table.grow $t (ref.null func) (i32.const 100000000))";
    let grow_memory = "(memory.grow (i32.const 1000))";
    let refused = |what: &str| format!("(if (i32.eq (i32.const -1) {what}) (then unreachable))");
    let cases = [
        ("memory", Guest::triggered(&refused(grow_memory)), "bytes of memory in total; its limit is 67108864"),
        ("table", Guest { fields: table.to_owned(), ..Guest::triggered(&refused(grow_table)) }, "its limit is 20000"),
    ];
    for (name, guest, words) in cases {
        let fault = fault_on_trigger(name, &guest);
        assert!(matches!(&fault, Fault::Trap(why) if why.contains(words)), "{name}: {fault:?}");
    }
    // Growth is refused, not punished.
    let mut content = session(&Guest::before_score(&format!("(drop {grow_memory})")));
    assert!(score(&mut *content, &[1.0], 10_000).is_ok());
    assert!(score(&mut *content, &[1.0], 10_000).is_ok());
    // Many small steps come to the same limit.
    let creep = "(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 16))))) unreachable";
    let fault = fault_on_trigger("creep", &Guest::triggered(creep));
    assert!(matches!(&fault, Fault::Trap(why) if why.contains("its limit is 67108864")), "{fault:?}");
}

#[test]
fn what_is_declared_too_large_is_rejected() {
    let instances = "(core module $extra)".to_owned() + &"(core instance (instantiate $extra))".repeat(200);
    let memories = "(core module $extra (memory 1))".to_owned() + &"(core instance (instantiate $extra))".repeat(10);
    let half = "(core module $extra (memory 520)) (core instance (instantiate $extra))".to_owned();
    let cases = [
        ("memory", Guest { memory: "1025".to_owned(), ..Guest::default() }, "its limit is 67108864"),
        ("memory in total", Guest { memory: "520".to_owned(), imports: half, ..Guest::default() }, "its limit is 67108864"),
        ("table", Guest { fields: "(table 10000000 funcref)".to_owned(), ..Guest::default() }, "limit"),
        ("instances", Guest { imports: instances, ..Guest::default() }, "instance"),
        ("memories", Guest { imports: memories, ..Guest::default() }, "memories"),
    ];
    for (name, guest, words) in cases {
        let rejected = rejected(&guest.component());
        assert!(rejected.reason.contains(words), "{name}: {rejected}");
    }
}

#[test]
fn features_that_are_off_do_not_compile() {
    let cases = [
        ("threads", "(memory 1 1 shared)"),
        ("memory64", "(memory i64 1)"),
        ("multi-memory", "(memory 1) (memory 1)"),
        ("tail calls", "(func $f return_call $f)"),
        ("relaxed simd", "(func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))"),
        ("exceptions", "(tag $t)"),
        ("gc", "(type (struct (field i32)))"),
    ];
    for (name, fields) in cases {
        let text = format!("(component (core module {fields}))");
        let rejected = rejected(&wasm_guest::component(&text));
        assert_eq!(rejected.stage, Stage::Compile, "{name}: {rejected}");
        assert!(rejected.reason.contains("does not compile"), "{name}: {rejected}");
    }
}

/// Score's answer is written here by hand: 1160 is the result, 1200 its tensor, 1240 its rejections.
#[test]
fn results_that_cannot_be_read_are_traps() {
    let answer = |instructions: &str| Guest {
        score: format!(
            "(if (result i32) (f64.eq (f64.load (local.get $x)) (f64.const 666)) (then {instructions}) (else {ADD_ONE}))"
        ),
        ..Guest::default()
    };
    let tensor =
        |at: &str, len: &str| format!("(call $tensor (i32.const 1) (i32.const {at}) (i32.const {len})) (i32.const 1160)");
    let cases = [
        ("result out of bounds", answer("(i32.const -8)"), "out of bounds"),
        ("result unaligned", answer("(i32.const 1161)"), "not aligned"),
        ("list out of bounds", answer(&tensor("4194296", "2")), "out of bounds"),
        ("list unaligned", answer(&tensor("1201", "1")), "not aligned"),
        ("list of -1", answer(&tensor("8192", "-1")), "out of bounds"),
        ("unknown type", answer(&format!("{ADD_ONE} (i32.store8 (i32.const 1200) (i32.const 9))")), "discriminant"),
    ];
    for (name, guest, words) in cases {
        let fault = fault_on_trigger(name, &guest);
        assert!(matches!(&fault, Fault::Trap(why) if why.contains(words)), "{name}: {fault:?}");
    }
    let realloc = Guest {
        realloc: "(if (i32.gt_u (local.get 3) (i32.const 100000)) (then (return (i32.const -16))))".to_owned(),
        ..Guest::default()
    };
    let fault = score(&mut *session(&realloc), &vec![1.0; 20_000], 10_000).expect_err("realloc out of bounds");
    assert!(matches!(&fault, Fault::Trap(why) if why.contains("beyond end of memory")), "{fault:?}");
}

#[test]
fn one_block_told_of_a_thousand_times_costs_the_host_nothing() {
    // 8,000 tensors that all point at the same 512 KB: 4 GB from a guest of 4 MB.
    let alias = r#"
      (loop $next
        (i32.store8 (i32.add (i32.const 1000000) (i32.mul (local.get $i) (i32.const 28))) (i32.const 1))
        (i32.store offset=4 (i32.add (i32.const 1000000) (i32.mul (local.get $i) (i32.const 28))) (i32.const 2000000))
        (i32.store offset=8 (i32.add (i32.const 1000000) (i32.mul (local.get $i) (i32.const 28))) (i32.const 65536))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 8000))))
      (i32.store (i32.const 1164) (i32.const 1000000))
      (i32.store (i32.const 1168) (i32.const 8000))
      (return (i32.const 1160))"#;
    let fault = fault_on_trigger("alias", &Guest::triggered(alias));
    assert!(matches!(&fault, Fault::Trap(why) if why.contains("too much data")), "{fault:?}");
}

#[test]
fn results_of_a_wrong_shape_are_told_exactly() {
    let after = |instructions: &str| Guest { score: format!("{ADD_ONE} {}", on_666(instructions)), ..Guest::default() };
    let cases = [
        (
            "a row too few",
            after("(i32.store (i32.const 1208) (i32.const 1))"),
            "output `y`: expected 2 values (2 rows of 1), got 1",
        ),
        (
            "a row too many",
            after("(i32.store (i32.const 1208) (i32.const 3))"),
            "output `y`: expected 2 values (2 rows of 1), got 3",
        ),
        ("another type", after("(i32.store8 (i32.const 1200) (i32.const 2))"), "output `y`: expected float64, got int64"),
        ("no output", after("(i32.store (i32.const 1168) (i32.const 0))"), "expected 1 outputs, got 0"),
        ("a row beyond the last", after("(call $reject (i32.const 0) (i32.const 2))"), "rejected row 2 of 2 rows"),
        (
            "a row twice",
            after(
                "(call $reject (i32.const 0) (i32.const 1)) (call $reject (i32.const 1) (i32.const 0)) (call $reject (i32.const 2) (i32.const 1))",
            ),
            "row 1 is rejected twice",
        ),
    ];
    for (name, guest, words) in cases {
        assert_eq!(fault_on_trigger(name, &guest), Fault::Shape(words.to_owned()), "{name}");
    }
}

/// A text answer: `ends`, the data, and `missing`, one value per row; the fourth word is what is said of it.
#[test]
fn texts_are_checked() {
    let text = |data: &str, ends: &[u32], missing: &[u32]| {
        let bytes = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).map(|b| format!("\\{b:02x}")).collect::<String>();
        Guest {
            fields: format!(
                r#"(data (i32.const 2000) "{data}") (data (i32.const 2100) "{}") (data (i32.const 2200) "{}")"#,
                bytes(ends),
                bytes(missing)
            ),
            score: format!(
                "(call $tensor (i32.const 3) (i32.const 2000) (i32.const {}))
                 (i32.store (i32.const 1212) (i32.const 2100)) (i32.store (i32.const 1216) (i32.const {}))
                 (i32.store (i32.const 1220) (i32.const 2200)) (i32.store (i32.const 1224) (i32.const {}))
                 (i32.const 1160)",
                data.len() - 2 * data.matches('\\').count(),
                ends.len(),
                missing.len()
            ),
            output: (3, 1),
            ..Guest::default()
        }
    };
    let y = score(&mut *session(&text("abc", &[1, 3], &[])), &[0.0, 0.0], 10_000).unwrap();
    assert!(matches!(&y.outputs[..], [Tensor::Text(y)] if y.view().get(1) == Some(b"bc")), "{y:?}");
    let cases = [
        (text("abc", &[3, 1], &[]), "`ends` must ascend; entry 1 is 1 after 3"),
        (text("abc", &[1, 2], &[]), "the last of `ends` must be the length of `data`, 3; it is 2"),
        (text("abc", &[1, 4], &[]), "the last of `ends` must be the length of `data`, 3; it is 4"),
        (text("abc", &[3], &[]), "expected 2 values (2 rows of 1), got 1"),
        (text("a\\ffc", &[1, 3], &[]), "not UTF-8 at byte 1 of `data`"),
        (text("a\\c3\\bc", &[2, 3], &[]), "value 0 ends within a UTF-8 character"),
        (text("abc", &[1, 3], &[2]), "`missing` names value 2 of 2"),
        (text("abc", &[1, 3], &[1, 1]), "`missing` must ascend; 1 comes after 1"),
    ];
    for (guest, words) in cases {
        let fault = score(&mut *session(&guest), &[0.0, 0.0], 10_000);
        assert_eq!(fault, Err(Fault::Shape(format!("output `y`: {words}"))));
    }
}

#[test]
fn nans_are_canonical() {
    let odd = "(f64.store (local.get $x) (f64.reinterpret_i64 (i64.const 0xfff8000000001234)))";
    let y = score(&mut *session(&Guest::before_score(odd)), &[0.0], 10_000).unwrap();
    assert!(matches!(&y.outputs[..], [Tensor::Float64(y)] if y[0].to_bits() == f64::NAN.to_bits()), "{y:?}");
}

#[test]
fn rejections_come_in_order_of_rows() {
    let guest = Guest::before_score("(call $reject (i32.const 0) (i32.const 2)) (call $reject (i32.const 1) (i32.const 0))");
    let y = score(&mut *session(&guest), &[0.0, 0.0, 0.0], 10_000).unwrap();
    assert_eq!(y.rejected.iter().map(|r| (r.row, r.reason.as_str())).collect::<Vec<_>>(), [(0, "x"), (2, "x")]);
}

#[test]
fn imports_that_are_not_offered_are_all_named() {
    let clock = r#"(import "wasi:clocks/wall-clock@0.2.0" (instance))
      (import "sandstream:model/secrets@0.1.0" (instance)) (import "print" (func))"#;
    let rejected_clock = rejected(&Guest { imports: clock.to_owned(), ..Guest::default() }.component());
    assert_eq!(rejected_clock.stage, Stage::Compile);
    for name in ["wasi:clocks/wall-clock@0.2.0", "sandstream:model/secrets@0.1.0", "print"] {
        assert!(rejected_clock.reason.contains(name), "{rejected_clock}");
    }
}

#[test]
fn a_component_without_the_contract_is_rejected() {
    let cases = [
        ("(component)", "it must export `sandstream:model/scoring@0.1.0`; it exports nothing"),
        (r#"(component (instance $i) (export "sandstream:model/scoring@0.1.0" (instance $i)))"#, "does not keep to the contract"),
        (r#"(component (import "sandstream:model/log@0.1.0" (instance (export "shout" (func)))))"#, "it must export"),
    ];
    for (text, words) in cases {
        let rejected = rejected(&wasm_guest::component(text));
        assert_eq!(rejected.stage, Stage::Compile);
        assert!(rejected.reason.contains(words), "{rejected}");
    }
}

#[test]
fn what_a_guest_says_last_is_what_the_trap_says_first() {
    let guest = Guest {
        imports: LOG.to_owned(),
        with: r#"(with "log" (instance $log))"#.to_owned(),
        fields: r#"(import "log" "emit" (func $emit (param i32 i32 i32))) (data (i32.const 3000) "panicked: no such tree")"#
            .to_owned(),
        ..Guest::triggered("(call $emit (i32.const 3) (i32.const 3000) (i32.const 22)) unreachable")
    };
    let fault = fault_on_trigger("panic", &guest);
    assert!(matches!(&fault, Fault::Trap(why) if why.starts_with("panicked: no such tree; wasm trap: ")), "{fault:?}");
}

#[test]
fn a_model_that_refuses_its_load_is_rejected_in_its_words() {
    // An error result: 1 at 1040, then a string.
    let refuse = "(i32.store8 (i32.const 1040) (i32.const 1)) (i32.store (i32.const 1044) (i32.const 1024)) (i32.store (i32.const 1048) (i32.const 2))";
    let rejected = rejected(&Guest { load: refuse.to_owned(), ..Guest::default() }.component());
    assert_eq!((rejected.stage, rejected.reason.as_str()), (Stage::Warm, "`load`: refused: xy"));
}

#[test]
fn a_signature_without_sense_is_rejected() {
    let rejected = rejected(&Guest { output: (1, 0), ..Guest::default() }.component());
    assert_eq!(rejected.stage, Stage::Warm);
    assert!(rejected.reason.contains("`y` has no columns"), "{rejected}");
}

#[test]
fn limits_over_the_hosts_are_rejected() {
    let component = Guest::default().component();
    let cases = [
        (Limits { memory_bytes: 2 << 30, ..Limits::default() }, "this host gives at most 1073741824"),
        (Limits { payload_bytes: 10, ..Limits::default() }, "the limit is 10"),
    ];
    for (limits, words) in cases {
        let rejected = load_with(&component, &limits).err().expect(words);
        assert_eq!(rejected.stage, Stage::Verify);
        assert!(rejected.reason.contains(words), "{rejected}");
    }
    let granted = Limits { memory_bytes: 128 << 20, ..Limits::default() };
    let large = Guest { memory: "1500".to_owned(), ..Guest::default() }.component();
    assert!(load_with(&large, &granted).is_ok());
    drop(load(&component));
}

/// The guest answers with what it was given: words that are now and then what an answer's words could be.
#[test]
fn whatever_an_answer_is_made_of_the_host_survives_it() {
    let echo = "(memory.copy (i32.const 5000) (local.get $x) (i32.mul (local.get $rows) (i32.const 8))) (i32.const 5000)";
    let model = load(&Guest { score: echo.to_owned(), ..Guest::default() }.component());
    let mut random = fastrand::Rng::with_seed(20_261_124);
    let mut word = || match random.u32(0..10) {
        0..3 => random.u32(0..6),
        3..6 => 5000 + 4 * random.u32(0..32),
        6 => 16,
        7 => 8192,
        8 => u32::MAX - random.u32(0..16),
        _ => random.u32(..),
    };
    let mut session = model.session(wasm_guest::later(10_000)).unwrap();
    let (mut answers, mut faults) = (0, 0);
    for _ in 0..20_000 {
        let x: Vec<f64> = (0..16).map(|_| f64::from_bits(u64::from(word()) << 32 | u64::from(word()))).collect();
        match score(&mut *session, &x, 10_000) {
            Ok(y) => {
                assert!(matches!(&y.outputs[..], [Tensor::Float64(y)] if y.len() == 16), "{y:?}");
                assert!(y.rejected.is_sorted_by(|a, b| a.row < b.row) && y.rejected.iter().all(|r| r.row < 16), "{y:?}");
                answers += 1;
            }
            Err(Fault::Trap(_)) => {
                session = model.session(wasm_guest::later(10_000)).unwrap();
                faults += 1;
            }
            Err(Fault::Shape(_) | Fault::Refused(_)) => faults += 1,
            Err(Fault::Late) => panic!("it does nothing that takes time"),
        }
    }
    assert!(answers > 0 && faults > 1000, "{answers} answers, {faults} faults: the words reach neither side");
}
