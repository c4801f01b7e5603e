//! Bytes as the variables of a SavedModel: an index as it is, or blocks that get their checksums here, as no change would get past them.
#![no_main]

use std::sync::LazyLock;

use sandstream_graphs::tensorflow::{self, Options};
use sandstream_graphs_fuzz::{Choices, Memory, bounds, mlp, run, watch_panics, wire::varint};

static MODEL: LazyLock<Memory> = LazyLock::new(mlp);

const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
const FOOTER: usize = 48;

libfuzzer_sys::fuzz_target!(init: watch_panics(), |bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let index = match choices.byte() % 3 {
        0 => choices.part().to_vec(),
        1 => table(&mut choices),
        // The index is in order, its shard is not.
        _ => MODEL.0["variables/variables.index"].clone(),
    };
    let mut files = MODEL.clone();
    files.0.insert("variables/variables.index".to_owned(), index);
    files.0.insert("variables/variables.data-00000-of-00001".to_owned(), choices.rest().to_vec());
    run(tensorflow::saved_model(&files, &Options::default(), &bounds()));
});

/// A table of up to four data blocks with these contents, compressed or not.
fn table(choices: &mut Choices<'_>) -> Vec<u8> {
    let mut table = Vec::new();
    let mut index = Vec::new();
    for key in 0..choices.byte() % 5 {
        let handle = add(&mut table, choices.part(), choices.byte() % 3);
        // Nothing shared with the key before, a key of one byte.
        index.extend([0, 1, u8::try_from(handle.len()).unwrap_or(0), key]);
        index.extend(handle);
    }
    index.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    let handle = add(&mut table, &index, 0);
    let from = table.len();
    table.extend([0, 0]);
    table.extend(handle);
    table.resize(from + FOOTER - 8, 0);
    table.extend(MAGIC.to_le_bytes());
    table
}

/// Appends a block with its trailer; gives its handle.
fn add(table: &mut Vec<u8>, content: &[u8], kind: u8) -> Vec<u8> {
    let handle = [varint(table.len() as u64), varint(content.len() as u64)].concat();
    let checked = [content, &[kind]].concat();
    let crc = crc32c::crc32c(&checked).rotate_right(15).wrapping_add(0xa282_ead8);
    table.extend(checked);
    table.extend(crc.to_le_bytes());
    handle
}
