//! Files that mean harm, or are broken: each is refused within the limits, with a reason, and nothing panics or takes memory for it.
#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod build;

use std::sync::Arc;
use std::time::{Duration, Instant};

use build::{float_input, floats, input, ints, model, node, output};
use prost::Message as _;
use sandstream_graphs::onnx::{self, Shapes, pb};
use sandstream_graphs::{Bounds, Files, Refused, RunError};

/// One file of eight bytes.
struct OneFile;

impl Files for OneFile {
    fn read(&self, name: &str) -> Option<Arc<[u8]>> {
        (name == "weights.bin").then(|| Arc::from([0u8; 8]))
    }
}

fn load(bytes: &[u8]) -> Result<(), Refused> {
    onnx::load(bytes, &OneFile, &Shapes::default(), &Bounds::default()).map(drop)
}

/// A model of one node over `x`, `[rows, 4]`, and these constants.
fn with_constants(operator: &str, inputs: &[&str], constants: Vec<pb::TensorProto>) -> pb::ModelProto {
    model(vec![node(operator, inputs, &["y"])], vec![float_input("x", &[0, 4])], vec![output("y")], constants)
}

fn external(location: &str, offset: &str, length: &str) -> pb::TensorProto {
    let entry = |key: &str, value: &str| pb::StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
    let mut tensor = floats("w", &[2], &[]);
    tensor.data_location = Some(pb::tensor_proto::DataLocation::External as i32);
    tensor.external_data = vec![entry("location", location), entry("offset", offset), entry("length", length)];
    tensor
}

fn nested(depth: usize) -> pb::ModelProto {
    let inner = |body: Option<pb::GraphProto>| {
        let mut branch = node("If", &["condition"], &["y"]);
        let graph = body.unwrap_or_default();
        let attribute = |name: &str| pb::AttributeProto {
            name: name.to_owned(),
            g: Some(graph.clone()),
            r#type: pb::attribute_proto::AttributeType::Graph as i32,
            ..Default::default()
        };
        branch.attribute = vec![attribute("then_branch")];
        branch
    };
    let mut body = None;
    for _ in 0..depth {
        body = Some(pb::GraphProto { node: vec![inner(body.take())], output: vec![output("y")], ..Default::default() });
    }
    let mut model = model(Vec::new(), vec![float_input("x", &[0, 4])], vec![output("y")], Vec::new());
    model.graph.as_mut().unwrap().node = vec![inner(body)];
    model
}

fn cases() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let float = pb::tensor_proto::DataType::Float as i32;
    let good = with_constants("Add", &["x", "w"], vec![floats("w", &[4], &[1.0; 4])]).encode_to_vec();
    let cycle = model(
        vec![node("Add", &["x", "b"], &["a"]), node("Add", &["a", "x"], &["b"])],
        vec![float_input("x", &[0, 4])],
        vec![output("b")],
        Vec::new(),
    );
    let twice = model(
        vec![node("Relu", &["x"], &["y"]), node("Relu", &["x"], &["y"])],
        vec![float_input("x", &[0, 4])],
        vec![output("y")],
        Vec::new(),
    );
    let mut domain = with_constants("Add", &["x", "x"], Vec::new());
    domain.graph.as_mut().unwrap().node[0].domain = "com.evil".to_owned();
    let mut opset = with_constants("Add", &["x", "x"], Vec::new());
    opset.opset_import[0].version = 99;
    let wide =
        |dims: &[i64]| model(vec![node("Relu", &["x"], &["y"])], vec![float_input("x", dims)], vec![output("y")], Vec::new());
    let many = model(
        (0..100_001).map(|at| node("Relu", &["x"], &[&format!("y{at}")])).collect(),
        vec![float_input("x", &[0, 4])],
        vec![output("y0")],
        Vec::new(),
    );
    let outer = model(
        vec![node("Reshape", &["x", "s"], &["column"]), node("MatMul", &["column", "row"], &["y"])],
        vec![float_input("x", &[0, 1 << 20])],
        vec![output("y")],
        vec![ints("s", &[0, 1 << 20, 1]), floats("row", &[1, 1024], &[0.5; 1024])],
    );
    let computed = model(
        vec![
            node("Mul", &["s", "s"], &["shape"]),
            node("ConstantOfShape", &["shape"], &["big"]),
            node("Add", &["x", "big"], &["y"]),
        ],
        vec![float_input("x", &[0, 4])],
        vec![output("y")],
        vec![ints("s", &[100_000, 100_000])],
    );
    vec![
        ("empty", Vec::new(), "no graph"),
        ("not protobuf", b"\xff\xff\xff\xff not an ONNX model".to_vec(), "no ONNX model"),
        ("cut off", good[..good.len() - 9].to_vec(), "no ONNX model"),
        ("cycle", cycle.encode_to_vec(), "cycle"),
        ("a name made twice", twice.encode_to_vec(), "twice"),
        ("an input of nothing", with_constants("Add", &["x", "z"], Vec::new()).encode_to_vec(), "`z` is made by no node"),
        ("unknown domain", domain.encode_to_vec(), "domain"),
        ("unknown operator", with_constants("Frobnicate", &["x"], Vec::new()).encode_to_vec(), "Frobnicate"),
        ("operator of classical models", classical().encode_to_vec(), "ai.onnx.ml.TreeEnsembleRegressor"),
        ("newer operator set", opset.encode_to_vec(), "operator set 99"),
        ("negative dimension", wide(&[0, -4]).encode_to_vec(), "negative"),
        ("10^9 values a row", wide(&[0, 1_000_000_000]).encode_to_vec(), "at most"),
        ("more values than a number holds", wide(&[0, i64::MAX, i64::MAX, 4]).encode_to_vec(), "at most"),
        ("too many nodes", many.encode_to_vec(), "number of nodes"),
        ("an outer product", outer.encode_to_vec(), "at most"),
        (
            "a constant of 10^10",
            with_constants("Expand", &["x", "s"], vec![ints("s", &[100_000, 100_000, 4])]).encode_to_vec(),
            "at most",
        ),
        ("a computed constant of 10^10", computed.encode_to_vec(), "at most"),
        ("tiles", with_constants("Tile", &["x", "s"], vec![ints("s", &[1, 1 << 30])]).encode_to_vec(), "at most"),
        (
            "tiles, more than 32 bits",
            with_constants("Tile", &["x", "s"], vec![ints("s", &[1, 1 << 40])]).encode_to_vec(),
            "repeats",
        ),
        (
            "a tensor of negative size",
            with_constants("Add", &["x", "w"], vec![floats("w", &[-4], &[])]).encode_to_vec(),
            "negative",
        ),
        (
            "a tensor of 10^12",
            with_constants("Add", &["x", "w"], vec![floats("w", &[1 << 40], &[])]).encode_to_vec(),
            "number of values",
        ),
        (
            "a tensor without values",
            with_constants("Add", &["x", "w"], vec![floats("w", &[4], &[1.0])]).encode_to_vec(),
            "it has 4 bytes",
        ),
        ("an unknown type", with_constants("Add", &["x", "w"], vec![typed(99)]).encode_to_vec(), "not known"),
        ("a type of 4 bits", with_constants("Add", &["x", "w"], vec![typed(22)]).encode_to_vec(), "int4"),
        ("types that do not fit", with_constants("Add", &["x", "w"], vec![ints("w", &[1, 2, 3, 4])]).encode_to_vec(), "engine"),
        ("graphs within graphs", nested(17).encode_to_vec(), "depth"),
        ("graphs within graphs, far", nested(60).encode_to_vec(), ""),
        ("a way up", with_constants("Add", &["x", "w"], vec![external("../../etc/passwd", "0", "8")]).encode_to_vec(), "`..`"),
        ("the root", with_constants("Add", &["x", "w"], vec![external("/etc/passwd", "0", "8")]).encode_to_vec(), "relative"),
        (
            "a way up, the other way",
            with_constants("Add", &["x", "w"], vec![external("a\\..\\b", "0", "8")]).encode_to_vec(),
            "relative",
        ),
        ("no such file", with_constants("Add", &["x", "w"], vec![external("other.bin", "0", "8")]).encode_to_vec(), "not there"),
        (
            "beyond the file",
            with_constants("Add", &["x", "w"], vec![external("weights.bin", "4", "8")]).encode_to_vec(),
            "8 bytes",
        ),
        (
            "an offset that wraps",
            with_constants("Add", &["x", "w"], vec![external("weights.bin", "18446744073709551615", "8")]).encode_to_vec(),
            "bytes",
        ),
        (
            "an offset that is none",
            with_constants("Add", &["x", "w"], vec![external("weights.bin", "-1", "8")]).encode_to_vec(),
            "no number",
        ),
        (
            "no dimension for rows",
            model(vec![node("Relu", &["x"], &["y"])], vec![input("x", &[], float)], vec![output("y")], Vec::new())
                .encode_to_vec(),
            "rows",
        ),
        (
            "an input without a type",
            model(vec![node("Relu", &["x"], &["y"])], vec![output("x")], vec![output("y")], Vec::new()).encode_to_vec(),
            "no tensor",
        ),
        ("open dimensions", wide(&[0, 0]).encode_to_vec(), "signature"),
        ("an axis outside", with_axis().encode_to_vec(), ""),
        ("a window of nothing", pooled(&[0], &[0, 0]).encode_to_vec(), "at least one"),
        ("a window of 2^40", pooled(&[1 << 40], &[1 << 40, 0]).encode_to_vec(), "at most"),
        ("a window of 2^60 places", pooled(&[1 << 20, 1 << 20, 1 << 20], &[1 << 20; 6]).encode_to_vec(), "at most"),
        (
            "a constant of nothing times 2^80",
            with_constants("Add", &["x", "w"], vec![floats("w", &[0, 1 << 40, 1 << 40], &[])]).encode_to_vec(),
            "number of values",
        ),
        ("a number without a value", numbered(false).encode_to_vec(), "has no value"),
        ("a number without a value, computed", numbered(true).encode_to_vec(), "has no value"),
        ("a shape that is known late", flattened().encode_to_vec(), "at most"),
    ]
}

fn typed(data_type: i32) -> pb::TensorProto {
    pb::TensorProto { name: "w".to_owned(), dims: vec![4], data_type, raw_data: vec![0; 16], ..Default::default() }
}

fn classical() -> pb::ModelProto {
    let mut model = with_constants("TreeEnsembleRegressor", &["x"], Vec::new());
    model.graph.as_mut().unwrap().node[0].domain = "ai.onnx.ml".to_owned();
    model.opset_import.push(pb::OperatorSetIdProto { domain: "ai.onnx.ml".to_owned(), version: 3 });
    model
}

fn int_attribute(name: &str, i: i64) -> pb::AttributeProto {
    pb::AttributeProto { name: name.to_owned(), i, r#type: pb::attribute_proto::AttributeType::Int as i32, ..Default::default() }
}

fn with_axis() -> pb::ModelProto {
    let mut model = with_constants("Concat", &["x", "x"], Vec::new());
    model.graph.as_mut().unwrap().node[0].attribute = vec![int_attribute("axis", i64::MAX)];
    model
}

fn ints_attribute(name: &str, ints: &[i64]) -> pb::AttributeProto {
    let kind = pb::attribute_proto::AttributeType::Ints as i32;
    pb::AttributeProto { name: name.to_owned(), ints: ints.to_vec(), r#type: kind, ..Default::default() }
}

fn pooled(kernel: &[i64], pads: &[i64]) -> pb::ModelProto {
    let dims: Vec<i64> = [0, 1].into_iter().chain(kernel.iter().map(|_| 4)).collect();
    let mut model = model(vec![node("LpPool", &["x"], &["y"])], vec![float_input("x", &dims)], vec![output("y")], Vec::new());
    model.graph.as_mut().unwrap().node[0].attribute = vec![ints_attribute("kernel_shape", kernel), ints_attribute("pads", pads)];
    model
}

/// A recurrent network whose bias is too short; it is found when it runs.
fn recurrent() -> pb::ModelProto {
    let weights = |name: &str, dims: &[i64], count: usize| floats(name, dims, &vec![0.5; count]);
    model(
        vec![
            node("Transpose", &["x"], &["steps"]),
            node("RNN", &["steps", "w", "r", "b"], &["", "last"]),
            node("Squeeze", &["last", "axis"], &["y"]),
        ],
        vec![float_input("x", &[0, 2, 3])],
        vec![output("y")],
        vec![weights("w", &[1, 4, 3], 12), weights("r", &[1, 4, 4], 16), weights("b", &[1, 3], 3), ints("axis", &[0])],
    )
}

fn convolution() -> pb::ModelProto {
    model(
        vec![node("Conv", &["x", "w"], &["y"])],
        vec![float_input("x", &[0])],
        vec![output("y")],
        vec![floats("w", &[1], &[1.0])],
    )
}

/// The largest of nothing, which is a constant, or a part of one.
fn numbered(computed: bool) -> pb::ModelProto {
    let mut nodes = vec![node("TopK", &["x", if computed { "part" } else { "k" }], &["y", "places"])];
    if computed {
        nodes.insert(0, node("Slice", &["one", "zero", "zero"], &["part"]));
    }
    let constants = vec![ints("k", &[]), ints("one", &[1]), ints("zero", &[0])];
    model(nodes, vec![float_input("x", &[0, 4])], vec![output("y")], constants)
}

/// 2^60 values, whose shape is computed.
fn flattened() -> pb::ModelProto {
    model(
        vec![
            node("Mul", &["s", "s"], &["shape"]),
            node("Expand", &["x", "shape"], &["wide"]),
            node("Flatten", &["wide"], &["y"]),
        ],
        vec![float_input("x", &[0, 1, 1])],
        vec![output("y")],
        vec![ints("s", &[1, 1 << 15, 1 << 15])],
    )
}

#[test]
fn each_is_refused_with_its_reason_and_soon() {
    let mut wrong = Vec::new();
    for (name, bytes, expected) in cases() {
        let began = Instant::now();
        match load(&bytes) {
            Ok(()) => wrong.push(format!("{name}: accepted")),
            Err(error) if !error.to_string().contains(expected) => wrong.push(format!("{name}: {error}")),
            Err(error) if error.to_string().contains("panicked") => wrong.push(format!("{name}: {error}")),
            Err(_) => {}
        }
        if began.elapsed() > Duration::from_secs(10) {
            wrong.push(format!("{name}: took {:?}", began.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// tract walks over dimensions to the axis of a LayerNormalization: one that the tensor lacks was once walked to for ever.
#[test]
fn an_axis_that_a_tensor_lacks_is_refused() {
    for (axis, expected) in
        [(-1, ""), (-2, ""), (1, ""), (-3, "no axis -3"), (i64::MIN, "no tensor has axis"), (40, "no tensor has axis 40")]
    {
        let mut normal = with_constants("LayerNormalization", &["x", "w"], vec![floats("w", &[4], &[1.0; 4])]);
        normal.graph.as_mut().unwrap().node[0].attribute = vec![pb::AttributeProto {
            name: "axis".to_owned(),
            i: axis,
            r#type: pb::attribute_proto::AttributeType::Int as i32,
            ..Default::default()
        }];
        let said = load(&normal.encode_to_vec()).err().map_or_else(String::new, |error| error.to_string());
        // Rows that see each other are refused, too, but at once.
        assert!(said.contains(expected), "axis {axis}: {said}");
    }
}

/// What is small in a file and large in memory or time, under bounds that it soon reaches.
#[test]
fn what_adds_up_is_refused() {
    let bounds = Bounds { elements: 1 << 16, weights: 1 << 20, ..Bounds::default() };
    // Each branch was once given a copy of all names that were made before it.
    let mut branches = model(Vec::new(), vec![float_input("x", &[0, 4])], vec![output("y")], Vec::new());
    branches.graph.as_mut().unwrap().node = (0..30_000)
        .flat_map(|at| {
            let mut node = node("If", &["x"], &[&format!("y{at}")]);
            let kind = pb::attribute_proto::AttributeType::Graph as i32;
            let g = Some(pb::GraphProto { output: vec![output("x")], ..Default::default() });
            node.attribute = vec![pb::AttributeProto { name: "then_branch".to_owned(), g, r#type: kind, ..Default::default() }];
            [node]
        })
        .chain([node("Frobnicate", &["x"], &["y"])])
        .collect();
    let folded = |count: usize| {
        let made = (0..count).map(|at| node("ConstantOfShape", &["s"], &[&format!("c{at}")]));
        let sums = (0..count).map(|at| {
            let before = if at == 0 { "x".to_owned() } else { format!("y{}", at - 1) };
            node("Add", &[&before, &format!("c{at}")], &[&format!("y{at}")])
        });
        let last = output(&format!("y{}", count - 1));
        let s = vec![ints("s", &[1, 1 << 12])];
        model(made.chain(sums).collect(), vec![float_input("x", &[0, 1 << 12])], vec![last], s).encode_to_vec()
    };
    let load = |bytes: &[u8]| onnx::load(bytes, &OneFile, &Shapes::default(), &bounds).map(drop);
    load(&folded(10)).unwrap();
    let cases: [(&str, Vec<u8>, &str); 2] = [
        ("many graphs within a graph", branches.encode_to_vec(), "Frobnicate"),
        ("constants that are computed", folded(100), "bytes that follow from constants"),
    ];
    for (name, bytes, expected) in cases {
        let began = Instant::now();
        let refused = load(&bytes).expect_err(name).to_string();
        assert!(refused.contains(expected), "{name}: {refused}");
        assert!(began.elapsed() < Duration::from_secs(5), "{name}: took {:?}", began.elapsed());
    }
}

/// Sizes that come with the records: what a record says must not become memory.
#[test]
fn a_record_sets_no_size() {
    let int64 = pb::tensor_proto::DataType::Int64 as i32;
    let cases: &[(&str, &[&str], bool)] = &[
        ("ConstantOfShape", &["x"], true),
        ("Expand", &["c", "x"], true),
        ("Tile", &["c", "x"], true),
        ("Range", &["zero", "scalar", "one"], true),
        ("OneHot", &["i", "x", "v"], true),
        ("Pad", &["c", "pads"], true),
        ("Resize", &["f", "", "", "x"], false),
        ("CenterCropPad", &["c", "x"], true),
        ("EyeLike", &["x"], false),
        ("HannWindow", &["scalar"], false),
        ("MelWeightMatrix", &["scalar", "scalar", "scalar", "fscalar", "fscalar"], false),
        ("NonZero", &["x"], true),
    ];
    let mut loaded = Vec::new();
    for (operator, inputs, integers) in cases {
        let scalar = |name: &str, value: i64| pb::TensorProto { dims: Vec::new(), ..ints(name, &[value]) };
        let constants = vec![
            ints("c", &[7]),
            scalar("zero", 0),
            scalar("one", 1),
            ints("i", &[0]),
            ints("v", &[0, 1]),
            floats("f", &[1], &[1.0]),
            floats("fscalar", &[], &[1.0]),
            ints("none", &[0]),
            ints("axes", &[1]),
            ints("shape", &[1]),
        ];
        let sum = if *integers { "ReduceSum" } else { "ReduceMax" };
        let nodes = vec![
            node("Squeeze", &["x"], &["scalar"]),
            node("Concat", &["none", "x"], &["pads"]),
            node(operator, inputs, &["large"]),
            node(sum, &["large"], &["all"]),
            node("Reshape", &["all", "axes"], &["flat"]),
            node("Reshape", &["flat", "shape"], &["y"]),
        ];
        let mut made = model(nodes, vec![input("x", &[1], int64)], vec![output("y")], constants);
        let graph = made.graph.as_mut().unwrap();
        graph.node[1].attribute = vec![int_attribute("axis", 0)];
        let Ok(graph) = onnx::load(&made.encode_to_vec(), &OneFile, &Shapes::default(), &Bounds::default()) else { continue };
        // What is loaded all the same is bounded by what it is given.
        let mut answers = Vec::new();
        for value in [3, 1 << 40, i64::MAX, -1] {
            let mut runner = graph.runner().unwrap();
            let verdict = runner.run(1, &[sandstream_graphs::Feed::I64(&[value])], &mut answers);
            assert!(!matches!(verdict, Err(RunError::Panicked(_))), "{operator} of {value}: {verdict:?}");
        }
        loaded.push(*operator);
    }
    assert_eq!(loaded, ["NonZero"]);
}

#[test]
fn weights_that_do_not_fit_are_an_error() {
    let mut made = recurrent();
    let nodes = &mut made.graph.as_mut().unwrap().node;
    nodes[0].attribute = vec![ints_attribute("perm", &[1, 0, 2])];
    nodes[1].attribute = vec![int_attribute("hidden_size", 4)];
    let verdict = onnx::load(&made.encode_to_vec(), &OneFile, &Shapes::default(), &Bounds::default()).map(|graph| {
        let mut runner = graph.runner().unwrap();
        runner.run(1, &[sandstream_graphs::Feed::F32(&[0.0; 6])], &mut Vec::new()).unwrap_err().to_string()
    });
    let words = verdict.unwrap_or_else(|refused| refused.to_string());
    assert!(words.contains("B has 3 values, 8 are expected"), "{words}");
}

/// What tract finds no words for is a refusal all the same.
#[test]
fn a_panic_of_the_engine_is_a_refusal() {
    let refused = load(&convolution().encode_to_vec()).unwrap_err();
    assert!(refused.to_string().contains("the engine does not accept it"), "{refused}");
}

/// A good model with each of its bytes changed, and cut off at each place: accepted or refused, never a panic that gets through.
#[test]
fn a_changed_byte_harms_nobody() {
    let good = with_constants("Add", &["x", "w"], vec![floats("w", &[4], &[1.0; 4])]).encode_to_vec();
    load(&good).unwrap();
    for at in 0..good.len() {
        let _cut = load(&good[..at]);
        for bit in [1, 0x80] {
            let mut changed = good.clone();
            changed[at] ^= bit;
            let _verdict = load(&changed);
        }
    }
}
