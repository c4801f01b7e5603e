//! The fields that are wanted, as a tree of keys: compiled once per decoder.

use std::cell::Cell;

use crate::types::{Field, Kind, Schema};

/// Members of an object for which a guess is kept.
const HINTS: usize = 64;
/// No guess yet.
const NO_HINT: u16 = u16::MAX;

/// What is done with a member's value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// It is a field.
    Leaf(Leaf),
    /// It is an object that holds wanted fields: index of its node.
    Node(u16),
}

/// A wanted field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) kind: Kind,
    pub(super) slot: u16,
    /// Index into the schema, for messages.
    pub(super) field: u16,
    pub(super) place: Place,
}

/// A field called `a.b` is the member `a.b`, or else member `b` of the object `a`. The index is that of such a field among them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Only,
    Exact(u16),
    Path(u16),
}

#[derive(Debug)]
struct Key {
    name: Box<[u8]>,
    /// The name as most producers write it, with what follows: `name":`.
    quoted: Box<[u8]>,
    target: Target,
}

/// The wanted members of one object.
#[derive(Debug)]
pub(super) struct Node {
    /// By length of the name.
    keys: Vec<Key>,
    /// Keys of length n are `starts[n]..starts[n + 1]`.
    starts: Vec<u16>,
    /// The key seen last as the n-th member: producers keep one order, so one comparison replaces scan and look-up. It is only a
    /// guess; results do not depend on it.
    hints: Box<[Cell<u16>]>,
}

/// The whole tree; node 0 is the record.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) nodes: Vec<Node>,
    /// Number of fields that can be in two places.
    pub(super) doubles: usize,
}

impl Plan {
    /// Compiles the plan that fills `wanted`.
    pub(super) fn new(schema: &Schema, wanted: &[u16]) -> Self {
        let mut plan = Self { nodes: vec![Node::default()], doubles: 0 };
        for index in wanted {
            if let Some(field) = schema.fields().get(*index as usize) {
                plan.add(schema, *index, field);
            }
        }
        plan.nodes.iter_mut().for_each(Node::seal);
        plan
    }

    fn add(&mut self, schema: &Schema, index: u16, field: &Field) {
        let leaf = |place| Target::Leaf(Leaf { kind: field.kind, slot: field.slot, field: index, place });
        let Some(path) = path_of(schema, &field.name) else {
            self.nodes[0].push(&field.name, leaf(Place::Only));
            return;
        };
        let double = self.doubles as u16;
        self.doubles += 1;
        self.nodes[0].push(&field.name, leaf(Place::Exact(double)));
        let mut node = 0;
        for part in &path[..path.len() - 1] {
            node = self.child(node, part);
        }
        self.nodes[node].push(path[path.len() - 1], leaf(Place::Path(double)));
    }

    /// The node below `node` for the member `name`, added if it is new.
    fn child(&mut self, node: usize, name: &str) -> usize {
        let found = self.nodes[node].keys.iter().find_map(|key| match key.target {
            Target::Node(child) if *key.name == *name.as_bytes() => Some(child as usize),
            _ => None,
        });
        found.unwrap_or_else(|| {
            let child = self.nodes.len();
            self.nodes.push(Node::default());
            self.nodes[node].push(name, Target::Node(child as u16));
            child
        })
    }
}

/// The parts of a name with dots. `None` where it cannot be a path: no dots, an empty part, or a beginning that is a field itself.
fn path_of<'a>(schema: &Schema, name: &'a str) -> Option<Vec<&'a str>> {
    let parts: Vec<_> = name.split('.').collect();
    let declared = |name: &str| schema.fields().iter().any(|field| field.name == name);
    let beginnings = name.match_indices('.').map(|(at, _)| &name[..at]);
    let possible = parts.len() > 1 && parts.iter().all(|part| !part.is_empty()) && !beginnings.into_iter().any(declared);
    possible.then_some(parts)
}

impl Default for Node {
    fn default() -> Self {
        Self { keys: Vec::new(), starts: Vec::new(), hints: vec![Cell::new(NO_HINT); HINTS].into() }
    }
}

impl Node {
    fn push(&mut self, name: &str, target: Target) {
        // Escaped as in JSON: a name with a quote in it must not make `{"a"b":1}` a record.
        let quoted = format!("{}:", serde_json::Value::from(name)).split_off(1);
        self.keys.push(Key { name: name.as_bytes().into(), quoted: quoted.into_bytes().into(), target });
    }

    fn seal(&mut self) {
        self.keys.sort_by_key(|key| key.name.len());
        let longest = self.keys.last().map_or(0, |key| key.name.len());
        self.starts = (0..=longest + 1).map(|n| self.keys.partition_point(|key| key.name.len() < n) as u16).collect();
    }

    /// What the n-th member probably is: index of the key and the bytes that confirm it.
    #[inline(always)]
    pub(super) fn guess(&self, member: usize) -> Option<(u16, &[u8])> {
        let hint = self.hints.get(member)?.get();
        Some((hint, &self.keys.get(hint as usize)?.quoted))
    }

    /// Remembers what the n-th member was.
    #[inline]
    pub(super) fn learn(&self, member: usize, key: u16) {
        if let Some(hint) = self.hints.get(member) {
            hint.set(key);
        }
    }

    /// Index of the key called `name`.
    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<u16> {
        let start = *self.starts.get(name.len())? as usize;
        let end = *self.starts.get(name.len() + 1)? as usize;
        self.keys[start..end].iter().position(|key| *key.name == *name).map(|at| (start + at) as u16)
    }

    #[inline(always)]
    pub(super) fn target(&self, key: u16) -> Target {
        self.keys[key as usize].target
    }

    /// What is done with each of the wanted members.
    pub(super) fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        self.keys.iter().map(|key| key.target)
    }
}
