//! The tutorial's two TensorFlow models over all rows of its data, against TensorFlow's own answers. The relative error counts, in the
//! tails too: a probability of 1e-9 has to be 1e-9.
#![cfg(feature = "tensorflow")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sandstream_graphs::tensorflow::{self, Directory, Options};
use sandstream_graphs::{Answer, Bounds, Dim, Element, Feed, Graph};

/// The data, where it lies beside the checkout.
fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/wine");
    if !folder.exists() {
        eprintln!("skipped: there is no {}", folder.display());
        return None;
    }
    Some(folder)
}

fn numbers(path: &std::path::Path, separator: char, skip: usize) -> Vec<Vec<f64>> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let rows = text.lines().skip(skip).filter(|line| !line.trim().is_empty());
    rows.map(|line| line.split(separator).map(|value| value.trim().parse().unwrap()).collect()).collect()
}

fn check(graph: &Arc<dyn Graph>, expected: &str) {
    let folder = data().unwrap();
    let rows = numbers(&folder.join("winequality_red.csv"), ';', 0);
    let expected = numbers(&folder.join(expected), ',', 0);
    assert_eq!(rows.len(), 1_599);
    assert_eq!(expected.len(), 1_599);
    let [input] = graph.inputs() else { panic!("{:?}", graph.inputs()) };
    assert_eq!((input.element, input.dims.as_slice()), (Element::F32, [Dim::Rows, Dim::Fixed(11)].as_slice()));
    let x: Vec<f32> = rows.iter().flat_map(|row| row.iter().take(11).map(|value| *value as f32)).collect();
    let mut runner = graph.runner().unwrap();
    for batch in [1usize, 64, 1_599] {
        let mut worst = 0f64;
        for (from, expected) in expected.chunks(batch).enumerate() {
            let part = &x[from * batch * 11..(from * batch + expected.len()) * 11];
            let mut answers = Vec::new();
            runner.run(expected.len(), &[Feed::F32(part)], &mut answers).unwrap();
            let [Answer::F32(values)] = answers.as_slice() else { panic!("{answers:?}") };
            let wanted = expected.iter().flat_map(|row| row.iter().rev().take(9).rev());
            for (value, wanted) in values.iter().zip(wanted) {
                let off = (f64::from(*value) - wanted).abs();
                assert!(off <= 1e-4 * wanted.abs() + 1e-12, "{value} is not {wanted}");
                worst = worst.max(off / wanted.abs());
            }
            assert_eq!(values.len(), expected.len() * 9);
        }
        eprintln!("batch {batch}: largest relative error {worst:e}");
    }
}

#[test]
fn frozen_graph() {
    let Some(folder) = data() else { return };
    let bytes = fs::read(folder.join("optimized_WineQuality.pb")).unwrap();
    let graph = tensorflow::frozen(&bytes, &Options::default(), &Bounds::default()).unwrap();
    check(&graph, "optimized_WineQuality.expected.csv");
}

#[test]
fn saved_model_of_tensorflow_1() {
    let Some(folder) = data() else { return };
    let folder = Directory::open(&folder.join("saved/1")).unwrap();
    let graph = tensorflow::saved_model(&folder, &Options::default(), &Bounds::default()).unwrap();
    check(&graph, "saved.expected.csv");
}
