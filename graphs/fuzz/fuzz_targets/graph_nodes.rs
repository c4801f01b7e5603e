//! Frozen graphs of TensorFlow's that get past the decoder: operators of the list over one input, constants, each other and functions.
#![no_main]

use std::sync::LazyLock;

use sandstream_graphs::tensorflow::{self, Options};
use sandstream_graphs_fuzz::{Choices, bounds, run, watch_panics, wire};

libfuzzer_sys::fuzz_target!(init: watch_panics(), |bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    run(tensorflow::frozen(&graph(&mut choices), &Options::default(), &bounds()));
});

static OPERATORS: LazyLock<Vec<&str>> = LazyLock::new(tensorflow::operators);

const TYPES: &[i64] = &[1, 1, 3, 9, 10, 2, 19, 7, 4, 14, 20];

const ATTRIBUTES: &[&str] = &[
    "T",
    "dtype",
    "DstT",
    "out_type",
    "Tidx",
    "axis",
    "axes",
    "keep_dims",
    "strides",
    "ksize",
    "padding",
    "data_format",
    "dilations",
    "explicit_paddings",
    "N",
    "num",
    "num_split",
    "squeeze_dims",
    "transpose_a",
    "transpose_b",
    "adj_x",
    "adj_y",
    "epsilon",
    "alpha",
    "begin_mask",
    "end_mask",
    "ellipsis_mask",
    "new_axis_mask",
    "shrink_axis_mask",
    "batch_dims",
    "element_dtype",
    "boundaries",
    "is_training",
    "block_size",
    "depth_radius",
    "bias",
    "beta",
    "equation",
    "value",
    "shape",
    "Index",
    "Tlen",
    "half_pixel_centers",
    "align_corners",
    "exclusive",
    "reverse",
    "cond",
    "body",
    "then_branch",
    "else_branch",
    "f",
    "branches",
    "SplitDim",
    "k",
    "sorted",
];

const TEXTS: &[&str] = &["SAME", "VALID", "EXPLICIT", "NHWC", "NCHW", "ij,jk->ik", "bij,bjk->bik", "...i,...i->...", "NWC", ""];

fn graph(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut dims = vec![-1 + i64::from(choices.byte() % 4 / 3) * 2];
    dims.extend((0..choices.byte() % 4).map(|_| choices.number()));
    let kind = TYPES[choices.below(TYPES.len())];
    let given = [wire::attribute("dtype", wire::number(6, kind)), wire::attribute("shape", wire::part(7, wire::shape(&dims)))];
    let mut all = wire::part(1, wire::node("x", "Placeholder", &[], &given));
    let mut names = vec!["x".to_owned()];
    for at in 0..choices.byte() % 5 {
        let name = format!("c{at}");
        let value = wire::attribute("value", wire::part(8, tensor(choices)));
        all.extend(wire::part(1, wire::node(&name, "Const", &[], &[value])));
        names.push(name);
    }
    let functions = choices.byte() % 3;
    for at in 0..=choices.byte() % 6 {
        all.extend(wire::part(1, node(&format!("n{at}"), &names, choices)));
        names.extend([format!("n{at}"), format!("n{at}:1")]);
    }
    for at in 0..functions {
        all.extend(function(&format!("f{at}"), choices));
    }
    all
}

fn node(name: &str, names: &[String], choices: &mut Choices<'_>) -> Vec<u8> {
    let op = choices.one(&OPERATORS).unwrap_or_default();
    let inputs: Vec<&str> = (0..=choices.byte() % 5).map(|_| names[choices.below(names.len())].as_str()).collect();
    let attributes: Vec<_> = (0..choices.byte() % 5).map(|_| attribute(choices)).collect();
    wire::node(name, op, &inputs, &attributes)
}

fn attribute(choices: &mut Choices<'_>) -> Vec<u8> {
    let name = choices.one(ATTRIBUTES).unwrap_or_default();
    let value = match choices.byte() % 10 {
        0 => wire::number(3, choices.number()),
        1 => wire::part(1, choices.numbers().into_iter().flat_map(|number| wire::number(3, number)).collect::<Vec<_>>()),
        2 => [&[4 << 3 | 5][..], &choices.float().to_le_bytes()].concat(),
        3 => wire::number(5, i64::from(choices.byte() & 1)),
        4 | 5 => wire::number(6, TYPES[choices.below(TYPES.len())]),
        6 => wire::part(2, choices.one(TEXTS).unwrap_or_default()),
        7 => wire::part(8, tensor(choices)),
        8 => wire::part(10, wire::part(1, format!("f{}", choices.byte() % 3))),
        _ => wire::part(7, wire::shape(&choices.numbers())),
    };
    wire::attribute(name, value)
}

fn tensor(choices: &mut Choices<'_>) -> Vec<u8> {
    let kind = TYPES[choices.below(TYPES.len())];
    let dims: Vec<i64> = match choices.byte() % 4 {
        0 => Vec::new(),
        1 => vec![i64::from(choices.byte() % 5)],
        2 => choices.numbers(),
        _ => vec![i64::from(choices.byte() % 5), i64::from(choices.byte() % 5)],
    };
    let field = match kind {
        9 => 10,
        10 => 11,
        _ => 7,
    };
    let values: Vec<u8> = match kind {
        1 => (0..choices.byte() % 5).flat_map(|_| [&[5 << 3 | 5][..], &choices.float().to_le_bytes()].concat()).collect(),
        7 => wire::part(8, "text"),
        _ => choices.numbers().into_iter().flat_map(|number| wire::number(field, number)).collect(),
    };
    [wire::number(1, kind), wire::part(2, wire::shape(&dims)), values].concat()
}

/// A function of up to two arguments; what it calls may be itself.
fn function(name: &str, choices: &mut Choices<'_>) -> Vec<u8> {
    let args = usize::from(choices.byte() % 3);
    let arg = |field: u64, name: &str| wire::part(field, [wire::part(1, name), wire::number(3, 1)].concat());
    let mut names: Vec<String> = (0..args).map(|at| format!("a{at}")).collect();
    let signature = [wire::part(1, name), names.iter().flat_map(|name| arg(2, name)).collect(), arg(3, "r")].concat();
    names.push("k".to_owned());
    let value = wire::attribute("value", wire::part(8, tensor(choices)));
    let mut nodes = wire::part(3, wire::node("k", "Const", &[], &[value]));
    for at in 0..=choices.byte() % 3 {
        nodes.extend(wire::part(3, node(&format!("m{at}"), &names, choices)));
        names.push(format!("m{at}"));
    }
    let result = wire::part(4, [wire::part(1, "r"), wire::part(2, &names[names.len() - 1])].concat());
    wire::part(2, wire::part(1, [wire::part(1, signature), nodes, result].concat()))
}
