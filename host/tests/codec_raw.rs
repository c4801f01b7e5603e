//! Records without fields.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use sandstream::binding::Binding;
use sandstream::codec::{self, Format, Spec};
use sandstream::types::{Batch, Dtype, Input, Rows, Signature, TensorRef};

#[test]
fn a_raw_record_is_reached_by_its_value() {
    let spec = Spec { data_type: "raw".to_owned(), format: Format::Raw, fields: Vec::new(), features: Vec::new() };
    let codec = codec::open(&spec).unwrap();
    let input = |dtype, field: &str| Input { name: "x".to_owned(), dtype, fields: vec![field.to_owned()], dims: Vec::new() };
    let signature = |input| Signature { inputs: vec![input], outputs: Vec::new() };
    let binding = Binding::new(codec.schema(), &signature(input(Dtype::Bytes, "$value"))).unwrap();

    let mut batch = Batch::new(4, 1 << 10);
    let (mut rows, mut decoder, mut inputs) = (Rows::new(codec.schema()), codec.decoder(binding.wanted()), binding.inputs());
    for (i, value) in [b"\xff\0".as_slice(), b"", b"abc"].into_iter().enumerate() {
        batch.push(0, 0, i as i64, 1, None, Some(value), std::iter::empty());
        decoder.decode(i as u32, value, &mut rows).unwrap();
        binding.check(&rows, i, &batch).unwrap();
    }
    binding.pack(&rows, &[2, 0], &batch, &mut inputs);
    let TensorRef::Bytes(values) = inputs.tensors()[0] else { panic!("bytes") };
    assert_eq!((values.get(0), values.get(1)), (Some(b"abc".as_slice()), Some(b"\xff\0".as_slice())));

    let error = Binding::new(codec.schema(), &signature(input(Dtype::Float32, "alcohol"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "input `x` takes field `alcohol`, but data type `raw` has no fields; there are `$value`, `$key` and `$timestamp`"
    );
}
