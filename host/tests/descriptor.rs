//! Descriptors as the tutorial's producers write them: fields 1 to 6 and nothing else, byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use prost::Message;
use sandstream::types::proto::{ModelDescriptor, model_descriptor::ModelType, model_descriptor::Payload};

/// A length-delimited field.
fn text(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, value.len() as u8], value].concat()
}

/// A varint field of a small value.
fn small(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

#[test]
fn fields_one_to_six_decode() {
    let head = [text(1, b"wine quality"), text(2, b"a forest"), text(3, b"wine")].concat();
    let cases = [
        (text(5, b"\0asm"), 4, ModelType::Wasm, Payload::Data(b"\0asm".to_vec())),
        (text(6, b"/models/wine"), 1, ModelType::Tensorflowsaved, Payload::Location("/models/wine".into())),
        (text(5, b"<PMML/>"), 2, ModelType::Pmml, Payload::Data(b"<PMML/>".to_vec())),
    ];
    for (payload, number, kind, expected) in cases {
        let bytes = [head.clone(), small(4, number), payload].concat();
        let descriptor = ModelDescriptor::decode(bytes.as_slice()).unwrap();
        assert_eq!((descriptor.name.as_str(), descriptor.data_type.as_str()), ("wine quality", "wine"));
        assert_eq!(descriptor.description, "a forest");
        assert_eq!(descriptor.model_type(), kind);
        assert_eq!(descriptor.payload, Some(expected));
        assert_eq!((descriptor.version.as_ref(), descriptor.sha256.as_ref(), descriptor.grants.as_ref()), (None, None, None));
        assert_eq!(descriptor.encode_to_vec(), bytes, "and it is written back as it came");
    }
}

/// proto3 leaves zeros out: a TensorFlow descriptor has no field 4 at all.
#[test]
fn an_absent_model_type_is_tensorflow() {
    let bytes = [text(1, b"n"), text(3, b"wine"), text(5, b"graph")].concat();
    assert_eq!(ModelDescriptor::decode(bytes.as_slice()).unwrap().model_type(), ModelType::Tensorflow);
}
