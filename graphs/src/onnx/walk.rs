//! Over a graph and the graphs within it: their number, their depth, and that every name is made before it is used.

use std::collections::{HashMap, HashSet};

use tract_onnx::pb::{GraphProto, NodeProto};

use crate::{Bounds, Refused};

/// What a node is called in messages: its name, or its first output.
pub(super) fn name(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

/// Checks how many nodes there are, and how deep graphs are within each other.
pub(super) fn size(graph: &GraphProto, bounds: &Bounds) -> Result<(), Refused> {
    let mut nodes = 0;
    count(graph, 0, &mut nodes, bounds)
}

fn count(graph: &GraphProto, depth: usize, nodes: &mut usize, bounds: &Bounds) -> Result<(), Refused> {
    let too_large = |what: &str, got: usize, max: usize| Refused::TooLarge {
        what: what.to_owned(),
        got: u64::try_from(got).unwrap_or(u64::MAX),
        max: u64::try_from(max).unwrap_or(u64::MAX),
    };
    if depth > bounds.depth {
        return Err(too_large("depth of graphs within graphs", depth, bounds.depth));
    }
    *nodes += graph.node.len();
    if *nodes > bounds.nodes {
        return Err(too_large("number of nodes", *nodes, bounds.nodes));
    }
    for attribute in graph.node.iter().flat_map(|node| &node.attribute) {
        for inner in attribute.g.iter().chain(&attribute.graphs) {
            count(inner, depth + 1, nodes, bounds)?;
        }
    }
    Ok(())
}

/// Checks that each name is made once and before it is used, as the format demands: so there is no cycle.
pub(super) fn order(graph: &GraphProto) -> Result<(), Refused> {
    let mut known = Known::default();
    within(graph, &mut known)
}

/// Names that are made, those of the graphs around included. One set serves for all, as graphs within graphs may be many: what a graph
/// has added is taken out at its end.
#[derive(Default)]
struct Known<'a> {
    /// By name, the graph that it is of.
    names: HashMap<&'a str, usize>,
    /// How many graphs were begun: the number of each is its own.
    graphs: usize,
}

fn within<'a>(graph: &'a GraphProto, known: &mut Known<'a>) -> Result<(), Refused> {
    known.graphs += 1;
    let own = known.graphs;
    let mut hidden: Vec<(&str, Option<usize>)> = Vec::new();
    let given = graph.input.iter().map(|input| input.name.as_str());
    let inputs: HashSet<&str> = given.clone().collect();
    // An initialiser may be the default of an input, and has its name then.
    let constant = graph.initializer.iter().map(|tensor| tensor.name.as_str()).filter(|name| !inputs.contains(name));
    for name in given.chain(constant) {
        make(name, "the graph's inputs and initialisers", own, known, &mut hidden)?;
    }
    for node in &graph.node {
        for input in node.input.iter().filter(|input| !input.is_empty()) {
            if !known.names.contains_key(input.as_str()) {
                return Err(Refused::Malformed {
                    what: format!("node `{}`", name(node)),
                    reason: format!("its input `{input}` is made by no node before it: it is missing, or the graph has a cycle"),
                });
            }
        }
        for inner in node.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)) {
            within(inner, known)?;
        }
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            make(output, name(node), own, known, &mut hidden)?;
        }
    }
    if let Some(output) = graph.output.iter().find(|output| !known.names.contains_key(output.name.as_str())) {
        return Err(Refused::Malformed { what: format!("output `{}`", output.name), reason: "no node makes it".to_owned() });
    }
    for (name, before) in hidden {
        match before {
            Some(graph) => known.names.insert(name, graph),
            None => known.names.remove(name),
        };
    }
    Ok(())
}

fn make<'a>(
    name: &'a str,
    by: &str,
    graph: usize,
    known: &mut Known<'a>,
    hidden: &mut Vec<(&'a str, Option<usize>)>,
) -> Result<(), Refused> {
    let before = known.names.insert(name, graph);
    if before == Some(graph) {
        return Err(Refused::Malformed { what: format!("`{by}`"), reason: format!("the name `{name}` is made twice") });
    }
    hidden.push((name, before));
    Ok(())
}
