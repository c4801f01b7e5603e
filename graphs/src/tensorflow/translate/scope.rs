//! A graph or a function body that is being walked: which node is which, and what was computed of it already.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::super::proto::{FunctionDef, FunctionDefLibrary, GraphDef, NodeDef, OpDef, OpList};
use super::build::Build;
use super::call::{Call, Reason};
use super::operator;
use super::value::Value;
use crate::{Bounds, Refused};

/// Nodes by name.
type Nodes<'a> = HashMap<&'a str, &'a NodeDef>;

/// What is known besides the graph: functions, and the names that operators give to their outputs.
pub(super) struct Library<'a> {
    functions: HashMap<&'a str, Function<'a>>,
    operators: HashMap<&'a str, &'a OpDef>,
}

/// A function, with its nodes by name.
#[derive(Clone)]
pub(super) struct Function<'a> {
    pub(super) body: &'a FunctionDef,
    /// The first node that changes a variable; a function may be called once a node, so it is not looked for each time.
    pub(super) assigns: Option<&'a NodeDef>,
    nodes: Rc<Nodes<'a>>,
}

impl<'a> Library<'a> {
    /// Indexes functions and operators.
    ///
    /// # Errors
    /// There are more nodes than the bounds allow, or two have one name.
    pub(super) fn new(
        functions: Option<&'a FunctionDefLibrary>,
        operators: Option<&'a OpList>,
        bounds: &Bounds,
    ) -> Result<Self, Refused> {
        let functions = functions.map(|library| library.function.as_slice()).unwrap_or_default();
        let total: usize = functions.iter().map(|function| function.node_def.len()).sum();
        within(total, bounds)?;
        let mut found = HashMap::new();
        for body in functions {
            let Some(signature) = &body.signature else { continue };
            let nodes = Rc::new(nodes(&body.node_def, &signature.name)?);
            let assigns = body.node_def.iter().find(|node| operator::changes_variables(&node.op));
            found.insert(signature.name.as_str(), Function { body, assigns, nodes });
        }
        let operators = operators.map(|list| list.op.as_slice()).unwrap_or_default();
        Ok(Self { functions: found, operators: operators.iter().map(|op| (op.name.as_str(), op)).collect() })
    }

    /// A function by name.
    pub(super) fn function(&self, name: &str) -> Option<&Function<'a>> {
        self.functions.get(name)
    }

    /// Where an output's name begins among all outputs of a node: functions name outputs by their operator's words for them.
    fn offset(&self, node: &NodeDef, output: &str) -> Option<usize> {
        let Some(definition) = self.operators.get(node.op.as_str()) else { return operator::output(&node.op, output) };
        let mut offset = 0usize;
        for arg in &definition.output_arg {
            if arg.name == output {
                return Some(offset);
            }
            let count = |name: &str| match node.attr.get(name).and_then(|attr| attr.value.as_ref()) {
                Some(super::super::proto::attr_value::Value::I(count)) => usize::try_from(*count).ok(),
                Some(super::super::proto::attr_value::Value::List(list)) => Some(list.r#type.len()),
                _ => None,
            };
            let one = Some(1).filter(|_| arg.number_attr.is_empty() && arg.type_list_attr.is_empty());
            offset = offset.checked_add(one.or_else(|| count(&arg.number_attr)).or_else(|| count(&arg.type_list_attr))?)?;
        }
        None
    }
}

/// Whether there are not more nodes than the bounds allow.
pub(super) fn within(total: usize, bounds: &Bounds) -> Result<(), Refused> {
    if total > bounds.nodes {
        return Err(Refused::TooLarge { what: "number of nodes".to_owned(), got: total as u64, max: bounds.nodes as u64 });
    }
    Ok(())
}

fn nodes<'a>(list: &'a [NodeDef], within: &str) -> Result<Nodes<'a>, Refused> {
    let mut nodes = HashMap::with_capacity(list.len());
    for node in list {
        if nodes.insert(node.name.as_str(), node).is_some() {
            let reason = format!("two nodes are called `{}`", node.name);
            return Err(Refused::Malformed {
                what: if within.is_empty() { "graph".to_owned() } else { format!("function `{within}`") },
                reason,
            });
        }
    }
    Ok(nodes)
}

/// The node that an input names: `^node`, `node:1`, `node:output:0`.
pub(super) fn node_of(input: &str) -> &str {
    let input = input.strip_prefix('^').unwrap_or(input);
    input.split_once(':').map_or(input, |(node, _)| node)
}

/// A graph, or one call of a function.
pub(super) struct Scope<'a> {
    nodes: Rc<Nodes<'a>>,
    done: HashMap<String, Vec<Value>>,
    /// `outer/inner/`; empty for the graph itself.
    path: String,
    /// Control inputs count too: a node is there for what it does.
    pub(super) restoring: bool,
}

impl<'a> Scope<'a> {
    /// The graph itself.
    ///
    /// # Errors
    /// Two nodes have one name.
    pub(super) fn graph(graph: &'a GraphDef) -> Result<Self, Refused> {
        Ok(Self { nodes: Rc::new(nodes(&graph.node, "")?), done: HashMap::new(), path: String::new(), restoring: false })
    }

    /// A call of a function: its arguments stand where nodes do.
    pub(super) fn call(function: &Function<'a>, arguments: Vec<Value>, path: String, restoring: bool) -> Result<Self, Reason> {
        let signature = function.body.signature.as_ref().map(|signature| signature.input_arg.as_slice()).unwrap_or_default();
        if signature.len() != arguments.len() {
            return Err(format!("the function takes {} arguments, {} are given", signature.len(), arguments.len()).into());
        }
        let done = signature.iter().map(|arg| arg.name.clone()).zip(arguments.into_iter().map(|value| vec![value])).collect();
        Ok(Self { nodes: function.nodes.clone(), done, path, restoring })
    }

    /// Gives a tensor from outside: whatever the node is that has it, it is not looked at.
    ///
    /// # Errors
    /// There is no such node, or it is fed already.
    pub(super) fn feed(&mut self, tensor: &str, value: Value) -> Result<(), Refused> {
        let name = node_of(tensor);
        let wrong = |reason: &str| Err(Refused::Malformed { what: format!("tensor `{tensor}`"), reason: reason.to_owned() });
        if !matches!(tensor.strip_prefix(name), Some("" | ":0")) {
            return wrong("an input has to be the first output of its node");
        }
        if !self.nodes.contains_key(name) {
            return wrong("it is said to be an input, but there is no such node");
        }
        if self.done.insert(name.to_owned(), vec![value]).is_some() {
            return wrong("two inputs are the same tensor");
        }
        Ok(())
    }

    /// Names of all nodes.
    pub(super) fn names(&self) -> impl Iterator<Item = (&'a str, &'a NodeDef)> {
        self.nodes.iter().map(|(name, node)| (*name, *node))
    }

    fn find(&self, tensor: &str, library: &Library<'_>) -> Result<Value, Refused> {
        let missing = |reason: String| Refused::Malformed { what: format!("tensor `{}{tensor}`", self.path), reason };
        let mut parts = tensor.split(':');
        let name = parts.next().unwrap_or_default();
        let values = self.done.get(name).ok_or_else(|| missing("there is no such node".to_owned()))?;
        let (middle, last) = (parts.next(), parts.next());
        let number = |text: &str| text.parse::<usize>().map_err(|_| missing(format!("`{text}` is no number of an output")));
        let index = match (middle, last) {
            (None, _) => 0,
            (Some(number_text), None) => number(number_text)?,
            (Some(output), Some(number_text)) => {
                let node = self.nodes.get(name).copied();
                let offset = node.and_then(|node| library.offset(node, output));
                offset
                    .ok_or_else(|| missing(format!("its operator has no output `{output}`")))?
                    .saturating_add(number(number_text)?)
            }
        };
        values.get(index).cloned().ok_or_else(|| missing(format!("its node has {} outputs", values.len())))
    }
}

impl<'a> Build<'a> {
    /// One tensor, and all that it needs.
    ///
    /// # Errors
    /// A node is missing, is in a cycle, or its operator refuses it.
    pub(super) fn value(&mut self, scope: &mut Scope<'a>, tensor: &str, depth: usize) -> Result<Value, Refused> {
        self.walk(scope, node_of(tensor), depth)?;
        scope.find(tensor, self.library)
    }

    /// Evaluates a node after those that it needs. The way down is a list of its own: a chain of nodes may be longer than a stack is deep.
    pub(super) fn walk(&mut self, scope: &mut Scope<'a>, root: &str, depth: usize) -> Result<(), Refused> {
        let Some(root) = scope.nodes.get(root).map(|node| node.name.as_str()).filter(|root| !scope.done.contains_key(*root))
        else {
            return Ok(());
        };
        let mut open: HashSet<&str> = HashSet::new();
        let mut way: Vec<&'a str> = vec![root];
        while let Some(name) = way.last().copied() {
            let nodes = scope.nodes.clone();
            let Some(node) = nodes.get(name).copied().filter(|_| !scope.done.contains_key(name)) else {
                way.pop();
                continue;
            };
            let restoring = scope.restoring;
            let needed = node.input.iter().filter(|input| restoring || !input.starts_with('^')).map(|input| node_of(input));
            let missing: Vec<&'a str> = needed.filter(|needed| !scope.done.contains_key(*needed)).collect();
            if missing.is_empty() {
                let made = self.evaluate(scope, node, depth)?;
                scope.done.insert(name.to_owned(), made);
                way.pop();
                continue;
            }
            open.insert(name);
            for needed in missing {
                if !nodes.contains_key(needed) {
                    let reason = format!("its input `{needed}` is no node");
                    return Err(Refused::Malformed { what: format!("node `{}{name}`", scope.path), reason });
                }
                if open.contains(needed) {
                    let reason = "it needs its own output: graphs with cycles are not run".to_owned();
                    return Err(Refused::Operator { operator: node.op.clone(), node: format!("{}{needed}", scope.path), reason });
                }
                way.push(needed);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, scope: &Scope<'a>, node: &'a NodeDef, depth: usize) -> Result<Vec<Value>, Refused> {
        self.step()?;
        let inputs = node.input.iter().filter(|input| !input.starts_with('^')).map(|input| scope.find(input, self.library));
        let mut inputs = inputs.collect::<Result<Vec<_>, _>>()?;
        if !scope.restoring {
            for input in &mut inputs {
                if let Value::Reference(name) = input {
                    *input = self.variable(name).map_err(|reason| refused(scope, node, reason))?;
                }
            }
        }
        let call = Call { node, inputs, depth, restoring: scope.restoring, path: &scope.path };
        let dead = call.inputs.iter().any(|value| matches!(value, Value::Dead)) && node.op != "Merge";
        let made = if dead { Ok(vec![Value::Dead; operator::MANY]) } else { self.operate(&call) };
        made.map_err(|reason| refused(scope, node, reason))
    }
}

fn refused(scope: &Scope<'_>, node: &NodeDef, reason: Reason) -> Refused {
    match reason {
        Reason::Words(reason) => {
            Refused::Operator { operator: node.op.clone(), node: format!("{}{}", scope.path, node.name), reason }
        }
        Reason::Whole(refused) => refused,
    }
}
