//! Protobuf's binary form, as far as a graph of TensorFlow's needs it.

/// A number in groups of seven bits.
#[must_use]
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field that is a number.
#[must_use]
pub fn number(field: u64, value: i64) -> Vec<u8> {
    [varint(field << 3), varint(value.cast_unsigned())].concat()
}

/// A field that is a text, bytes or a message.
#[must_use]
pub fn part(field: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

/// An attribute of a node.
#[must_use]
pub fn attribute(name: &str, value: Vec<u8>) -> Vec<u8> {
    part(5, [part(1, name), part(2, value)].concat())
}

/// A shape, without its field.
#[must_use]
pub fn shape(dims: &[i64]) -> Vec<u8> {
    dims.iter().flat_map(|dim| part(2, number(1, *dim))).collect()
}

/// A node, without its field.
#[must_use]
pub fn node(name: &str, op: &str, inputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|input| part(3, input)).collect();
    [part(1, name), part(2, op), inputs, attributes.concat()].concat()
}
