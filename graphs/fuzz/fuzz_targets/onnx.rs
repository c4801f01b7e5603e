//! Bytes as an ONNX model: decoder, allow-list, loader, analysis, and a run of what is accepted.
#![no_main]

use sandstream_graphs::onnx::{self, Shapes};
use sandstream_graphs_fuzz::{OneFile, bounds, run, watch_panics};

libfuzzer_sys::fuzz_target!(init: watch_panics(), |bytes: &[u8]| {
    run(onnx::load(bytes, &OneFile, &Shapes::default(), &bounds()));
    run(onnx::load_fixed(bytes, &OneFile, &bounds()));
});
