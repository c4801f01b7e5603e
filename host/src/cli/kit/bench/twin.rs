//! The guest's twin as a payload.

use anyhow::Result;
use sandstream_kit::twin::{Element, Shape, component};

use crate::backend::Payload;
use crate::types::proto::model_descriptor::ModelType;
use crate::types::{Digest, Dtype, Signature};

pub(super) fn payload(signature: &Signature) -> Result<Payload> {
    let inputs = signature.inputs.iter().map(|input| (input.name.clone(), element(input.dtype), input.fields.clone()));
    let outputs = signature.outputs.iter().map(|output| (output.name.clone(), element(output.dtype), output.width));
    let data = component(&Shape { inputs: inputs.collect(), outputs: outputs.collect() })?;
    Ok(Payload {
        kind: ModelType::Wasm,
        digest: Digest::of(&data),
        data: data.into(),
        config: [].into(),
        artifacts: [].into(),
        signature: None,
        label: "twin".into(),
    })
}

fn element(dtype: Dtype) -> Element {
    match dtype {
        Dtype::Float32 => Element::Float32,
        Dtype::Float64 => Element::Float64,
        Dtype::Int64 => Element::Int64,
        Dtype::Text => Element::Text,
        Dtype::Bytes => Element::Bytes,
    }
}
