//! What a SavedModel says of itself: its MetaGraphs by tags, its signatures, and the names of their inputs and outputs.

mod schema;
mod text;

use prost::Message as _;

use super::proto::{MetaGraphDef, SavedModel, SignatureDef, TensorInfo, TensorShapeProto};
use super::translate::{End, Ends};
use super::{Folder, dtype};
use crate::{Bounds, Refused};

/// The signature that TensorFlow serves where none is asked for.
const DEFAULT: &str = "serving_default";

/// Reads `saved_model.pb`, or `saved_model.pbtxt` where there is no other.
///
/// # Errors
/// There is neither, or it is broken.
pub(super) fn read(folder: &dyn Folder, bounds: &Bounds) -> Result<SavedModel, Refused> {
    if let Some(bytes) = folder.read("saved_model.pb", bounds.weights)? {
        return SavedModel::decode(bytes.as_slice()).map_err(|error| malformed("saved_model.pb", error.to_string()));
    }
    let Some(bytes) = folder.read("saved_model.pbtxt", bounds.weights)? else {
        return Err(malformed("SavedModel", "there is no `saved_model.pb` and no `saved_model.pbtxt` in it".to_owned()));
    };
    let broken = |reason: String| malformed("saved_model.pbtxt", reason);
    let text = std::str::from_utf8(&bytes).map_err(|error| broken(error.to_string()))?;
    let schema = schema::Schema::new().map_err(broken)?;
    let wire = text::to_wire(text, &schema, ".sandstream.tensorflow.SavedModel").map_err(broken)?;
    SavedModel::decode(wire.as_slice()).map_err(|error| broken(error.to_string()))
}

/// The MetaGraph that has these tags.
///
/// # Errors
/// There is none; says which there are.
pub(super) fn choose<'a>(model: &'a SavedModel, tags: &[String]) -> Result<&'a MetaGraphDef, Refused> {
    let sorted = |tags: &[String]| {
        let mut tags = tags.to_vec();
        tags.sort();
        tags.dedup();
        tags
    };
    let of = |meta: &MetaGraphDef| meta.meta_info_def.as_ref().map(|info| sorted(&info.tags)).unwrap_or_default();
    let wanted = sorted(tags);
    model.meta_graphs.iter().find(|meta| of(meta) == wanted).ok_or_else(|| {
        let there: Vec<_> = model.meta_graphs.iter().map(|meta| format!("[{}]", of(meta).join(", "))).collect();
        let reason = format!("no MetaGraph has the tags [{}]; those that are there have {}", wanted.join(", "), listed(&there));
        malformed("SavedModel", reason)
    })
}

/// Inputs and outputs of a signature, in the order of their names.
///
/// # Errors
/// There is no such signature; says which there are.
pub(super) fn ends(meta: &MetaGraphDef, name: Option<&str>) -> Result<Ends, Refused> {
    // What starts so is no signature but how the model is initialised.
    let there: Vec<&str> =
        meta.signature_def.keys().map(String::as_str).filter(|name| !name.starts_with("__saved_model_")).collect();
    let name = match (name, there.as_slice()) {
        (Some(name), _) => name,
        (None, [only]) => *only,
        (None, _) => DEFAULT,
    };
    let signature = meta.signature_def.get(name).ok_or_else(|| {
        let there: Vec<_> = there.iter().map(|name| format!("`{name}`")).collect();
        malformed("SavedModel", format!("it has no signature `{name}`; it has {}", listed(&there)))
    })?;
    let SignatureDef { inputs, outputs, .. } = signature;
    if outputs.is_empty() {
        return Err(malformed(&format!("signature `{name}`"), "it has no outputs".to_owned()));
    }
    let end = |(port, info): (&String, &TensorInfo)| {
        if info.name.is_empty() {
            let reason = "a dense tensor is expected; sparse, ragged and composite ones are not taken".to_owned();
            return Err(malformed(&format!("`{port}` of signature `{name}`"), reason));
        }
        Ok(End { name: port.clone(), tensor: info.name.clone(), dtype: info.dtype, shape: dims(info.tensor_shape.as_ref()) })
    };
    Ok(Ends {
        inputs: inputs.iter().map(end).collect::<Result<_, _>>()?,
        outputs: outputs.iter().map(end).collect::<Result<_, _>>()?,
    })
}

/// Dimensions; -1 is open, `None` where their number is open.
pub(super) fn dims(shape: Option<&TensorShapeProto>) -> Option<Vec<i64>> {
    shape.filter(|shape| !shape.unknown_rank).map(|shape| shape.dim.iter().map(|dim| dim.size).collect())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A name where the text form has one for a number.
fn named_number(name: &str) -> Option<i64> {
    match name {
        // SaverDef.CheckpointFormatVersion.
        "LEGACY" => Some(0),
        "V1" => Some(1),
        "V2" => Some(2),
        _ => dtype::number(name).map(i64::from),
    }
}

fn malformed(what: &str, reason: String) -> Refused {
    Refused::Malformed { what: what.to_owned(), reason }
}
