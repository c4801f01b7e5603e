//! Protobuf's binary form, as far as a graph of TensorFlow's needs it. Tests of the host and the fuzz targets have it too.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each that includes this uses what it needs")]

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub fn number(field: u64, value: i64) -> Vec<u8> {
    [varint(field << 3), varint(value as u64)].concat()
}

pub fn part(field: u64, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

pub fn attribute(name: &str, value: Vec<u8>) -> Vec<u8> {
    part(5, [part(1, name), part(2, value)].concat())
}

pub fn shape(dims: &[i64]) -> Vec<u8> {
    dims.iter().flat_map(|dim| part(2, number(1, *dim))).collect()
}

pub fn node(name: &str, op: &str, inputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|input| part(3, input)).collect();
    [part(1, name), part(2, op), inputs, attributes.concat()].concat()
}

/// A node in a graph.
pub fn graph(nodes: &[Vec<u8>]) -> Vec<u8> {
    nodes.iter().flat_map(|node| part(1, node)).collect()
}

pub fn input(dims: &[i64]) -> Vec<u8> {
    node("x", "Placeholder", &[], &[attribute("dtype", number(6, 1)), attribute("shape", part(7, shape(dims)))])
}

/// A constant of integers; `values` may be fewer than the shape needs.
pub fn integers(name: &str, dims: &[i64], values: &[i64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| number(10, *value)).collect();
    let tensor = [number(1, 9), part(2, shape(dims)), values].concat();
    node(name, "Const", &[], &[attribute("dtype", number(6, 9)), attribute("value", part(8, tensor))])
}

pub fn floats(name: &str, dims: &[i64]) -> Vec<u8> {
    let tensor = [number(1, 1), part(2, shape(dims))].concat();
    node(name, "Const", &[], &[attribute("dtype", number(6, 1)), attribute("value", part(8, tensor))])
}

pub fn truth(name: &str) -> Vec<u8> {
    let tensor = [number(1, 10), part(2, shape(&[])), number(11, 1)].concat();
    node(name, "Const", &[], &[attribute("dtype", number(6, 10)), attribute("value", part(8, tensor))])
}

pub fn function_attribute(name: &str, function: &str) -> Vec<u8> {
    attribute(name, part(10, part(1, function)))
}

/// A function of one argument `a` with one result `r`.
pub fn function(name: &str, nodes: &[Vec<u8>], result: &str) -> Vec<u8> {
    let arg = |field: u64, name: &str| part(field, [part(1, name), number(3, 1)].concat());
    let signature = [part(1, name), arg(2, "a"), arg(3, "r")].concat();
    let nodes: Vec<u8> = nodes.iter().flat_map(|node| part(3, node)).collect();
    let ret = part(4, [part(1, "r"), part(2, result)].concat());
    part(2, part(1, [part(1, signature), nodes, ret].concat()))
}

pub fn call(name: &str, input: &str, function: &str) -> Vec<u8> {
    node(name, "PartitionedCall", &[input], &[function_attribute("f", function)])
}
