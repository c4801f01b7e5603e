//! The allow-list, checked on the file before tract sees it: tract takes operators by their name alone, whatever their domain, leaves
//! attributes that it does not know unread, and does some things otherwise than the specification says without a word.

mod check;
mod table;

use std::collections::HashMap;

use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

use super::walk;
use crate::Refused;

/// Versions of the operator set: the newest that was measured is that of `onnx` 1.23. Each operator has its own oldest.
const OPSETS: std::ops::RangeInclusive<i64> = 1..=28;

/// An operator that is allowed.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    /// Empty, or `ai.onnx.ml`.
    pub domain: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The oldest operator set whose definition of it is the one that runs.
    pub since: i64,
    attributes: &'static [(&'static str, Accept)],
    check: Option<Check>,
}

impl Operator {
    /// The attributes that are understood.
    pub fn attributes(&self) -> impl Iterator<Item = &'static str> {
        self.attributes.iter().map(|(name, _)| *name)
    }
}

/// Values of an attribute that are understood.
#[derive(Debug, Clone, Copy)]
enum Accept {
    Any,
    Ints(&'static [i64]),
    Floats(&'static [f32]),
}

/// What is to be checked beyond the attributes; the reason to refuse.
type Check = fn(&Seen<'_>) -> Result<(), String>;

/// A node, and the constants that it may refer to.
struct Seen<'a> {
    node: &'a NodeProto,
    constants: &'a Constants<'a>,
}

impl Seen<'_> {
    fn constant(&self, name: &str) -> Option<&TensorProto> {
        self.constants.get(name).copied()
    }
}

/// All operators that are allowed.
#[must_use]
pub fn operators() -> &'static [Operator] {
    table::OPERATORS
}

/// Checks every node of a model, those of graphs within it included.
///
/// # Errors
/// The first node that asks for something that is not on the list.
pub(super) fn check(model: &ModelProto) -> Result<(), Refused> {
    let imported: HashMap<&str, i64> = model.opset_import.iter().map(|import| (domain(&import.domain), import.version)).collect();
    if let Some(version) = imported.get("").filter(|version| !OPSETS.contains(version)) {
        let reason = format!("it uses operator set {version}, {} to {} are supported", OPSETS.start(), OPSETS.end());
        return Err(Refused::Malformed { what: "the model".to_owned(), reason });
    }
    let Some(graph) = &model.graph else { return Ok(()) };
    nodes(graph, &imported, &mut HashMap::new(), model)
}

fn domain(name: &str) -> &str {
    if name == "ai.onnx" { "" } else { name }
}

/// Constants by name. One map serves for a graph and all within it: what a graph has added is taken out at its end.
type Constants<'a> = HashMap<&'a str, &'a TensorProto>;

fn nodes<'a>(
    graph: &'a GraphProto,
    imported: &HashMap<&str, i64>,
    constants: &mut Constants<'a>,
    model: &ModelProto,
) -> Result<(), Refused> {
    let mut hidden: Vec<(&str, Option<&TensorProto>)> = Vec::new();
    for tensor in &graph.initializer {
        hidden.push((&tensor.name, constants.insert(&tensor.name, tensor)));
    }
    for node in &graph.node {
        if node.op_type == "Constant"
            && let (Some(name), Some(value)) =
                (node.output.first(), node.attribute.iter().find_map(|attribute| attribute.t.as_ref()))
        {
            hidden.push((name, constants.insert(name, value)));
        }
        let verdict = one(&Seen { node, constants }, imported, model);
        verdict.map_err(|reason| Refused::Operator { operator: shown(node), node: walk::name(node).to_owned(), reason })?;
        for inner in node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)) {
            nodes(inner, imported, constants, model)?;
        }
    }
    // Backwards: a name may have been given twice, and its first value is that of the graph around.
    for (name, before) in hidden.into_iter().rev() {
        match before {
            Some(tensor) => constants.insert(name, tensor),
            None => constants.remove(name),
        };
    }
    Ok(())
}

fn shown(node: &NodeProto) -> String {
    match domain(&node.domain) {
        "" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

fn one(seen: &Seen<'_>, imported: &HashMap<&str, i64>, model: &ModelProto) -> Result<(), String> {
    let node = seen.node;
    let domain = domain(&node.domain);
    let Some(version) = imported.get(domain) else { return Err("the model imports no operator set of its domain".to_owned()) };
    let known = table::OPERATORS.iter().find(|operator| operator.domain == domain && operator.name == node.op_type);
    let Some(operator) = known else { return Err(unknown(node, domain, model)) };
    if *version < operator.since {
        return Err(format!(
            "operator set {version} defines it otherwise, {} or newer is expected; convert the model",
            operator.since
        ));
    }
    for attribute in &node.attribute {
        understood(operator, attribute)?;
    }
    check::values(seen)?;
    operator.check.map_or(Ok(()), |check| check(seen))
}

fn unknown(node: &NodeProto, domain: &str, model: &ModelProto) -> String {
    let is_function = |name: &Option<String>| name.as_deref() == Some(node.op_type.as_str());
    match domain {
        _ if model.functions.iter().any(|function| is_function(&function.name)) => {
            "it is a function of the model; inline functions before publishing (onnx.inliner.inline_local_functions)".to_owned()
        }
        "" => "it is not supported by the backend `tract`".to_owned(),
        "ai.onnx.ml" => "classical models are scored by an evaluator, not by this backend".to_owned(),
        other => format!("the domain `{other}` is not known; ai.onnx is"),
    }
}

fn understood(operator: &Operator, attribute: &AttributeProto) -> Result<(), String> {
    let name = &attribute.name;
    if !attribute.ref_attr_name.is_empty() {
        return Err(format!("its attribute `{name}` refers to one of a function"));
    }
    let known = operator.attributes.iter().find(|(known, _)| known == name);
    let Some((_, accept)) = known else { return Err(format!("its attribute `{name}` is not supported")) };
    let fits = match accept {
        Accept::Any => true,
        Accept::Ints(values) => values.contains(&attribute.i),
        Accept::Floats(values) => values.iter().any(|value| value.total_cmp(&attribute.f).is_eq()),
    };
    if fits {
        return Ok(());
    }
    let (got, expected) = match accept {
        Accept::Any => (String::new(), String::new()),
        Accept::Ints(values) => (attribute.i.to_string(), format!("{values:?}")),
        Accept::Floats(values) => (attribute.f.to_string(), format!("{values:?}")),
    };
    Err(format!("its attribute `{name}` is {got}, supported is {expected}"))
}
