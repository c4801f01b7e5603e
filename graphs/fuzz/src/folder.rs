//! Files that lie in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use sandstream_graphs::tensorflow::{Archive, Folder};
use sandstream_graphs::{Bounds, Files, Refused};

/// A SavedModel of these files.
#[derive(Debug, Default, Clone)]
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Folder for Memory {
    fn read(&self, name: &str, max: u64) -> Result<Option<Vec<u8>>, Refused> {
        let Some(content) = self.0.get(name) else { return Ok(None) };
        let got = content.len() as u64;
        if got > max {
            return Err(Refused::TooLarge { what: format!("bytes of `{name}`"), got, max });
        }
        Ok(Some(content.clone()))
    }
}

/// One small file beside an ONNX model, under the name that exporters like.
#[derive(Debug)]
pub struct OneFile;

impl Files for OneFile {
    fn read(&self, name: &str) -> Option<Arc<[u8]>> {
        (name == "model.onnx.data").then(|| (0..=255).collect())
    }
}

/// A small SavedModel with variables: what surrounds the part that is fuzzed.
#[must_use]
pub fn mlp() -> Memory {
    let names = ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"];
    let archive = Archive::open(include_bytes!("../../tests/tensorflow/mlp.zip"), &Bounds::default()).expect("a fixture");
    let read = |name: &str| archive.read(name, u64::MAX).expect("a fixture").expect("a file of the fixture");
    Memory(names.into_iter().map(|name| (name.to_owned(), read(name))).collect())
}
