//! Initialisers in files of their own.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataLocation;

use crate::{Files, Refused};

/// Files that were read.
pub(super) struct Open<'a> {
    files: &'a dyn Files,
    read: HashMap<String, Arc<[u8]>>,
}

impl<'a> Open<'a> {
    pub(super) fn new(files: &'a dyn Files) -> Self {
        Self { files, read: HashMap::new() }
    }

    /// Puts the bytes of a tensor that lie in a file into the tensor.
    ///
    /// # Errors
    /// The name leads out of the model's folder, there is no such file, or it is shorter than the tensor says.
    pub(super) fn fill(&mut self, tensor: &mut TensorProto, what: &str) -> Result<(), Refused> {
        if tensor.data_location.unwrap_or_default() != DataLocation::External as i32 {
            return Ok(());
        }
        let malformed = |reason: String| Refused::Malformed { what: what.to_owned(), reason };
        let value = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone());
        let number = |key: &str| {
            let parsed =
                value(key).map(|text| text.parse::<usize>().map_err(|_| malformed(format!("its {key} is `{text}`, no number"))));
            parsed.transpose()
        };
        let location = value("location").ok_or_else(|| malformed("it is in a file whose name is not given".to_owned()))?;
        if !is_plain(&location) {
            return Err(malformed(format!("the file `{location}` is not named relative to the model, without `..`")));
        }
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        if !self.read.contains_key(&location) {
            let content = self.files.read(&location).ok_or_else(|| {
                malformed(format!("the file `{location}` is not there; publish it with the model as an artifact of this name"))
            })?;
            self.read.insert(location.clone(), content);
        }
        let content = self.read.get(&location).map_or(&[][..], |content| content);
        let end = length.map_or(Some(content.len()), |length| offset.checked_add(length));
        let part = end.and_then(|end| content.get(offset..end));
        let part = part.ok_or_else(|| {
            let length = length.map_or_else(|| "the rest".to_owned(), |length| format!("{length} bytes"));
            malformed(format!("it is {length} of the file `{location}` from byte {offset} on, which has {} bytes", content.len()))
        })?;
        tensor.raw_data = part.to_vec();
        tensor.data_location = None;
        tensor.external_data = Vec::new();
        Ok(())
    }
}

/// Whether a name stays in the folder of the model: no root, no drive, no way up, no empty part.
fn is_plain(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', ':', '\0']);
    name.len() <= 1024 && name.split('/').all(part)
}
