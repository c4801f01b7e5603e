//! Bytes as `saved_model.pbtxt`, beside the variables of a model that is in order.
#![no_main]

use std::sync::LazyLock;

use sandstream_graphs::tensorflow::{self, Options};
use sandstream_graphs_fuzz::{Memory, bounds, mlp, run, watch_panics};

static VARIABLES: LazyLock<Memory> = LazyLock::new(|| {
    let mut files = mlp();
    files.0.remove("saved_model.pb");
    files
});

libfuzzer_sys::fuzz_target!(init: watch_panics(), |bytes: &[u8]| {
    let mut files = VARIABLES.clone();
    files.0.insert("saved_model.pbtxt".to_owned(), bytes.to_vec());
    run(tensorflow::saved_model(&files, &Options::default(), &bounds()));
});
