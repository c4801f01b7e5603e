//! Bytes as a .zip that holds a SavedModel.
#![no_main]

use sandstream_graphs::tensorflow::{self, Archive, Options};
use sandstream_graphs_fuzz::{bounds, run, watch_panics};

libfuzzer_sys::fuzz_target!(init: watch_panics(), |bytes: &[u8]| {
    if let Ok(archive) = Archive::zip(bytes, &bounds()) {
        run(tensorflow::saved_model(&archive, &Options::default(), &bounds()));
    }
});
