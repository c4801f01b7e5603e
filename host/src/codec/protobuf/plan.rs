//! The fields that are wanted, as one table of field numbers per message: compiled once per decoder.

use prost_reflect::{FieldDescriptor, Kind as Type, MessageDescriptor};

use super::schema::Flat;
use super::wire::{ANY, FIXED32, FIXED64, LENGTH, VARINT};
use crate::types::{Field, Kind};

/// Field numbers below it are looked up in a table, others in a sorted list.
const DENSE: u32 = 256;

/// What is done with a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    Skip,
    Double(u16),
    Float(u16),
    Integer(Scalar, u16),
    Text(u16),
    Bytes(u16),
    /// Index of the message's node.
    Message(u16),
}

/// How an integer is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar {
    Int64,
    Uint64,
    Int32,
    Uint32,
    Sint64,
    Sint32,
    Fixed64,
    Sfixed64,
    Fixed32,
    Sfixed32,
    Bool,
}

/// A field of a message, wanted or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) op: Op,
    /// The wire types it may have, as bits.
    pub(super) wires: u8,
    /// The oneof it is a member of, counted from 1; 0 is none.
    pub(super) oneof: u16,
}

const UNKNOWN: Entry = Entry { op: Op::Skip, wires: ANY, oneof: 0 };

/// A field's slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) kind: Kind,
    pub(super) slot: u16,
}

/// A wanted member of a oneof, or one that holds wanted fields.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) number: u32,
    /// What is missing again when another member comes.
    pub(super) leaves: Vec<Leaf>,
    /// Messages that begin anew if they come after that.
    pub(super) nodes: Vec<u16>,
}

/// One message.
#[derive(Debug)]
pub(super) struct Node {
    /// For names in messages.
    descriptor: MessageDescriptor,
    dense: Vec<Entry>,
    sparse: Vec<(u32, Entry)>,
    /// Fields whose absence from the message, where the message is there, means zero or empty.
    pub(super) implicit: Vec<Leaf>,
    pub(super) oneofs: Vec<Vec<Member>>,
}

impl Node {
    fn new(descriptor: MessageDescriptor) -> Self {
        Self { descriptor, dense: Vec::new(), sparse: Vec::new(), implicit: Vec::new(), oneofs: Vec::new() }
    }

    /// How a message calls a field of this one.
    pub(super) fn name(&self, number: u32) -> String {
        let message = self.descriptor.full_name();
        match self.descriptor.get_field(number) {
            Some(field) => format!("field `{}` ({number}) of message `{message}`", field.name()),
            None => format!("unknown field {number} of message `{message}`"),
        }
    }

    #[inline(always)]
    pub(super) fn entry(&self, number: u32) -> Entry {
        match self.dense.get(number as usize) {
            Some(entry) => *entry,
            None => self.sparse_entry(number),
        }
    }

    #[inline]
    fn sparse_entry(&self, number: u32) -> Entry {
        match self.sparse.binary_search_by_key(&number, |entry| entry.0) {
            Ok(at) => self.sparse[at].1,
            Err(_) => UNKNOWN,
        }
    }

    fn put(&mut self, number: u32, entry: Entry) {
        if number < DENSE {
            let length = self.dense.len().max(number as usize + 1);
            self.dense.resize(length, UNKNOWN);
            self.dense[number as usize] = entry;
        } else {
            self.sparse.push((number, entry));
        }
    }
}

/// The whole tree; node 0 is the record.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) nodes: Vec<Node>,
}

/// A wanted field and the rest of the way to it.
type Way<'a> = (&'a [u32], &'a Flat, &'a Field);

impl Plan {
    /// Compiles the plan that fills `wanted`.
    pub(super) fn new(message: &MessageDescriptor, wanted: &[(&Flat, &Field)]) -> Self {
        let mut plan = Self::default();
        let ways: Vec<Way<'_>> = wanted.iter().map(|(flat, field)| (&flat.path[..], *flat, *field)).collect();
        plan.node(message, &ways);
        plan
    }

    fn node(&mut self, message: &MessageDescriptor, ways: &[Way<'_>]) -> u16 {
        let index = self.nodes.len();
        self.nodes.push(Node::new(message.clone()));
        let mut node = Node { implicit: implicit(ways), ..Node::new(message.clone()) };
        // `fields` ascends by number, as the sorted list needs.
        for field in message.fields() {
            let below = below(ways, field.number());
            let op = match (field.kind(), &below[..]) {
                (_, []) => Op::Skip,
                (Type::Message(inner), _) => Op::Message(self.node(&inner, &below)),
                (_, [(.., wanted), ..]) => op(&field, wanted.slot),
            };
            node.put(field.number(), Entry { op, wires: wires(&field), oneof: 0 });
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            self.oneof(&mut node, &oneof.fields().collect::<Vec<_>>(), ways);
        }
        self.nodes[index] = node;
        index as u16
    }

    /// Marks the members of a oneof, if any field below it is wanted.
    fn oneof(&self, node: &mut Node, fields: &[FieldDescriptor], ways: &[Way<'_>]) {
        let members: Vec<_> = fields.iter().filter_map(|field| self.member(node, field.number(), ways)).collect();
        if members.is_empty() {
            return;
        }
        node.oneofs.push(members);
        for field in fields {
            let oneof = node.oneofs.len() as u16;
            node.put_oneof(field.number(), oneof);
        }
    }

    fn member(&self, node: &Node, number: u32, ways: &[Way<'_>]) -> Option<Member> {
        let below = below(ways, number);
        if below.is_empty() {
            return None;
        }
        let leaves = below.iter().map(|(.., field)| Leaf { kind: field.kind, slot: field.slot }).collect();
        let mut nodes = Vec::new();
        if let Op::Message(child) = node.entry(number).op {
            self.descendants(child, &mut nodes);
        }
        Some(Member { number, leaves, nodes })
    }

    fn descendants(&self, node: u16, into: &mut Vec<u16>) {
        into.push(node);
        let node = &self.nodes[node as usize];
        for entry in node.dense.iter().chain(node.sparse.iter().map(|(_, entry)| entry)) {
            if let Op::Message(child) = entry.op {
                self.descendants(child, into);
            }
        }
    }
}

impl Node {
    fn put_oneof(&mut self, number: u32, oneof: u16) {
        let entry = Entry { oneof, ..self.entry(number) };
        match self.sparse.binary_search_by_key(&number, |entry| entry.0) {
            Ok(at) => self.sparse[at].1 = entry,
            Err(_) => self.put(number, entry),
        }
    }
}

/// The ways that lead through field `number`, without it.
fn below<'a>(ways: &[Way<'a>], number: u32) -> Vec<Way<'a>> {
    let step = |way: &Way<'a>| match way.0 {
        [first, rest @ ..] if *first == number => Some((rest, way.1, way.2)),
        _ => None,
    };
    ways.iter().filter_map(step).collect()
}

fn implicit(ways: &[Way<'_>]) -> Vec<Leaf> {
    let own = ways.iter().filter(|(path, flat, _)| path.len() == 1 && !flat.descriptor.supports_presence());
    own.map(|(.., field)| Leaf { kind: field.kind, slot: field.slot }).collect()
}

fn op(field: &FieldDescriptor, slot: u16) -> Op {
    match field.kind() {
        Type::Double => Op::Double(slot),
        Type::Float => Op::Float(slot),
        Type::String => Op::Text(slot),
        Type::Bytes => Op::Bytes(slot),
        Type::Int64 => Op::Integer(Scalar::Int64, slot),
        Type::Uint64 => Op::Integer(Scalar::Uint64, slot),
        Type::Int32 | Type::Enum(_) => Op::Integer(Scalar::Int32, slot),
        Type::Uint32 => Op::Integer(Scalar::Uint32, slot),
        Type::Sint64 => Op::Integer(Scalar::Sint64, slot),
        Type::Sint32 => Op::Integer(Scalar::Sint32, slot),
        Type::Fixed64 => Op::Integer(Scalar::Fixed64, slot),
        Type::Sfixed64 => Op::Integer(Scalar::Sfixed64, slot),
        Type::Fixed32 => Op::Integer(Scalar::Fixed32, slot),
        Type::Sfixed32 => Op::Integer(Scalar::Sfixed32, slot),
        Type::Bool => Op::Integer(Scalar::Bool, slot),
        Type::Message(_) => Op::Skip,
    }
}

/// The wire types a field may have; a repeated scalar may be packed or not, whatever the schema says.
fn wires(field: &FieldDescriptor) -> u8 {
    if field.is_group() {
        return 0;
    }
    let own = match field.kind() {
        Type::Double | Type::Fixed64 | Type::Sfixed64 => FIXED64,
        Type::Float | Type::Fixed32 | Type::Sfixed32 => FIXED32,
        Type::String | Type::Bytes | Type::Message(_) => LENGTH,
        _ => VARINT,
    };
    let packed = if field.is_list() { 1 << LENGTH } else { 0 };
    1 << own | packed
}
