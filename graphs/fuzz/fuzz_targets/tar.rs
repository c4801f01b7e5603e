//! Bytes as a .tar that holds a SavedModel. Checksums of headers are made right, as no change would get past them.
#![no_main]

use sandstream_graphs::tensorflow::{self, Archive, Options};
use sandstream_graphs_fuzz::{bounds, run, watch_panics};

const BLOCK: usize = 512;
const CHECKSUM: std::ops::Range<usize> = 148..156;

libfuzzer_sys::fuzz_target!(init: watch_panics(), |bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    bytes.chunks_exact_mut(BLOCK).filter(|block| block[257..].starts_with(b"ustar")).for_each(summed);
    if let Ok(archive) = Archive::tar(&bytes, &bounds()) {
        run(tensorflow::saved_model(&archive, &Options::default(), &bounds()));
    }
});

fn summed(header: &mut [u8]) {
    header[CHECKSUM].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
