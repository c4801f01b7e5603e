//! From a graph's ports to a signature, and how the matrices of that signature become what the graph is fed.

use sandstream_graphs::{Element, Graph, Port};

use crate::types::{Dtype, Input, Output, Signature, nearest};

/// How an input's matrix is fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// As it is: one column for each value of a row.
    Values,
    /// One column of bytes: a row's values as they lie in memory, little-endian, so many bytes.
    Raw(usize),
}

/// What a graph takes and gives, with the fields that the descriptor's signature gives to its inputs.
pub(super) fn signature(graph: &dyn Graph, declared: Option<&Signature>) -> Result<(Signature, Vec<Way>), String> {
    let ports = graph.inputs();
    if let Some(declared) = declared {
        let unknown = declared.inputs.iter().find(|input| !ports.iter().any(|port| port.name == input.name));
        if let Some(input) = unknown {
            let near = nearest(&input.name, ports.iter().map(|port| port.name.as_str())).unwrap_or_default();
            return Err(format!(
                "the descriptor's signature has an input `{}`, which the graph lacks; the nearest it has is `{near}`",
                input.name
            ));
        }
    }
    let (mut inputs, mut ways) = (Vec::new(), Vec::new());
    for port in ports {
        let declared = declared.and_then(|signature| signature.inputs.iter().find(|input| input.name == port.name));
        let (input, way) = match declared {
            Some(declared) => as_declared(port, declared)?,
            None => (by_default(port, ports.len())?, Way::Values),
        };
        inputs.push(input);
        ways.push(way);
    }
    let outputs = graph.outputs().iter().map(output).collect::<Result<_, _>>()?;
    Ok((Signature { inputs, outputs }, ways))
}

/// An input that nobody said anything about: one column takes the field of its name where there are several inputs, as exporters make
/// an input of each column; everything else takes the feature list.
fn by_default(port: &Port, inputs: usize) -> Result<Input, String> {
    let width = width(port)?;
    let fields = if width == 1 && inputs > 1 { vec![port.name.clone()] } else { vec![String::new(); width] };
    Ok(Input { name: port.name.clone(), dtype: dtype(port.element), fields, dims: Vec::new() })
}

fn as_declared(port: &Port, declared: &Input) -> Result<(Input, Way), String> {
    let (width, expected) = (width(port)?, dtype(port.element));
    let name = &port.name;
    if declared.dtype == Dtype::Bytes {
        if port.element == Element::Text || declared.fields.len() != 1 {
            return Err(format!(
                "input `{name}` is declared as bytes: expected one field that holds a row's {width} values of {}, got {} fields",
                port.element,
                declared.fields.len()
            ));
        }
        return Ok((declared.clone(), Way::Raw(width * bytes(port.element))));
    }
    if declared.dtype != expected {
        return Err(format!(
            "input `{name}` is declared as {}, the graph takes it as {expected} ({})",
            declared.dtype, port.element
        ));
    }
    if declared.fields.len() != width {
        let shape = shape(port);
        return Err(format!(
            "input `{name}` is declared with {} fields, the graph takes {width} values a row: {shape}",
            declared.fields.len()
        ));
    }
    Ok((declared.clone(), Way::Values))
}

fn output(port: &Port) -> Result<Output, String> {
    let width = port
        .width()
        .ok_or_else(|| format!("output `{}`: the number of its values in a row varies, {}", port.name, shape(port)))?;
    Ok(Output { name: port.name.clone(), dtype: dtype(port.element), width: u32::try_from(width).unwrap_or(u32::MAX) })
}

fn width(port: &Port) -> Result<usize, String> {
    port.width().ok_or_else(|| {
        format!("input `{}` leaves dimensions open, {}; give them in the descriptor's signature (`dims`)", port.name, shape(port))
    })
}

fn shape(port: &Port) -> String {
    use sandstream_graphs::Dim;
    let dims = port.dims.iter().map(|dim| match dim {
        Dim::Rows => "rows".to_owned(),
        Dim::Fixed(size) => size.to_string(),
        Dim::Varies => "?".to_owned(),
    });
    format!("[{}]", dims.collect::<Vec<_>>().join(", "))
}

/// The type of the signature that a graph's element is fed and answered as.
pub(super) fn dtype(element: Element) -> Dtype {
    match element {
        Element::F16 | Element::F32 => Dtype::Float32,
        Element::F64 => Dtype::Float64,
        Element::Text => Dtype::Text,
        Element::Bool
        | Element::I8
        | Element::I16
        | Element::I32
        | Element::I64
        | Element::U8
        | Element::U16
        | Element::U32
        | Element::U64 => Dtype::Int64,
    }
}

fn bytes(element: Element) -> usize {
    match element {
        Element::Text => 0,
        Element::Bool | Element::I8 | Element::U8 => 1,
        Element::F16 | Element::I16 | Element::U16 => 2,
        Element::F32 | Element::I32 | Element::U32 => 4,
        Element::F64 | Element::I64 | Element::U64 => 8,
    }
}
