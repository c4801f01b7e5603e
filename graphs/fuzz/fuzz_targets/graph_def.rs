//! Bytes as a frozen graph of TensorFlow's.
#![no_main]

use sandstream_graphs::tensorflow::{self, Options};
use sandstream_graphs_fuzz::{bounds, run, watch_panics};

libfuzzer_sys::fuzz_target!(init: watch_panics(), |bytes: &[u8]| {
    run(tensorflow::frozen(bytes, &Options::default(), &bounds()));
});
