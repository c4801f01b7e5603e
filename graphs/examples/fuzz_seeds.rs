//! Writes what fuzzing begins with, one folder for each target of `graphs/fuzz`: `fuzz_seeds <folder> <file or folder of models>...`.
//! `cargo xtask fuzz` runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a tool of the project's own, on files of its own")]

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

/// Larger files slow down every step.
const BYTES_MAX: usize = 16 << 10;

fn main() {
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = words.next().expect("a folder to write to");
    let mut seeds = Seeds { folder, written: 0 };
    for model in words.flat_map(files) {
        let bytes = fs::read(&model).expect("a model that can be read");
        let name = model.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match model.extension().and_then(|end| end.to_str()) {
            Some("onnx") => seeds.write("onnx", &bytes),
            // The node tests of ONNX keep their tensors beside their models.
            Some("pb") if name.starts_with("input_") || name.starts_with("output_") => {}
            Some("pb") => seeds.write("graph_def", &bytes),
            Some("zip") => archive(&mut seeds, &bytes),
            _ => {}
        }
    }
    text(&mut seeds);
    println!("{} seeds in {}", seeds.written, seeds.folder.display());
}

struct Seeds {
    folder: PathBuf,
    written: usize,
}

impl Seeds {
    fn write(&mut self, target: &str, content: &[u8]) {
        if content.len() > BYTES_MAX {
            return;
        }
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("seed-{:08x}", crc32c::crc32c(content))), content).unwrap();
        self.written += 1;
    }
}

/// All files below a folder, or the file itself.
fn files(path: PathBuf) -> Vec<PathBuf> {
    if path.is_dir() {
        let entries = fs::read_dir(&path).expect("a folder of models").map(|entry| entry.unwrap().path());
        return entries.flat_map(files).collect();
    }
    vec![path]
}

/// A SavedModel as it is, as a .tar, and its parts.
fn archive(seeds: &mut Seeds, bytes: &[u8]) {
    seeds.write("zip", bytes);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut tar = tar::Builder::new(Vec::new());
    let (mut index, mut shard) = (Vec::new(), Vec::new());
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let name = file.name().to_owned();
        match Path::new(&name).file_name().and_then(|name| name.to_str()) {
            Some("variables.index") => index.clone_from(&content),
            Some("variables.data-00000-of-00001") => shard.clone_from(&content),
            Some("saved_model.pbtxt") => seeds.write("saved_model_text", &content),
            _ => {}
        }
        if file.is_file() {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, &name, content.as_slice()).unwrap();
        }
    }
    seeds.write("tar", &tar.into_inner().unwrap());
    let length = u16::try_from(index.len()).unwrap_or(0).to_be_bytes();
    // The first byte chooses how the target reads the rest.
    seeds.write("bundle", &[&[0], &length[..], &index, &shard].concat());
    seeds.write("bundle", &[&[2], shard.as_slice()].concat());
    blocks(seeds, &index, &shard);
}

/// The blocks of an index, whose checksums the target makes anew. A small index has one data block, at its beginning; the trailer of a
/// block is five bytes, and three lists follow the data: of meta blocks, of blocks, and where they are.
fn blocks(seeds: &mut Seeds, index: &[u8], shard: &[u8]) {
    let Some(from) = index.len().checked_sub(48) else { return };
    let (first, _) = number(&index[from..]).unwrap_or_default();
    let Some(block) = first.checked_sub(5).and_then(|end| index.get(..end)) else { return };
    let length = u16::try_from(block.len()).unwrap_or(0).to_be_bytes();
    seeds.write("bundle", &[&[1, 1], &length[..], block, &[0], shard].concat());
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let number = bytes[..=end].iter().rev().fold(0, |number, byte| number << 7 | usize::from(byte & 0x7f));
    Some((number, &bytes[end + 1..]))
}

/// A model as text: signature, nodes, constants, variables, each kind of value once.
fn text(seeds: &mut Seeds) {
    let node = |name: &str, op: &str, rest: &str| format!("node {{ name: \"{name}\" op: '{op}' {rest} }}\n");
    let shape = "dim { size: -1 } dim { size: 0x2 }";
    let given =
        format!("attr {{ key: \"dtype\" value {{ type: DT_FLOAT }} }} attr {{ key: \"shape\" value {{ shape {{ {shape} }} }} }}");
    let constant = "attr { key: \"dtype\" value { type: DT_FLOAT } } attr { key: \"value\" value { tensor { dtype: DT_FLOAT tensor_shape { \
                    dim { size: 2 } } float_val: [1.5e0, -inf] } } }";
    let graph =
        node("x", "Placeholder", &given) + &node("c", "Const", constant) + &node("y", "AddV2", "input: \"x\" input: \"c\"");
    let end = |kind: &str, name: &str| {
        format!("{kind} {{ key: \"{name}\" value {{ name: \"{name}:0\" dtype: DT_FLOAT tensor_shape {{ {shape} }} }} }}")
    };
    let signature =
        format!("signature_def {{ key: \"serving_default\" value < {} {} > }}", end("inputs", "x"), end("outputs", "y"));
    let text = format!(
        "# a model\nsaved_model_schema_version: 1\nmeta_graphs {{\n  meta_info_def {{ tags: \"ser\" 've' [a.b/c]: true }}\n  graph_def {{\n{graph}  \
         versions {{ producer: 017 }} }}\n  {signature};\n}}\n"
    );
    seeds.write("saved_model_text", text.as_bytes());
    seeds.write(
        "saved_model_text",
        b"meta_graphs { graph_def { node { name: \"\\x41\\101\\n\\\\\" } } unknown { a: -1 b: 0.5f } }",
    );
}
