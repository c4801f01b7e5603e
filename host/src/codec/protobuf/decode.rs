//! Walks the wire bytes of a record along its plan.

use super::plan::{Leaf, Node, Op, Plan, Scalar};
use super::wire::{Fault, Wire};
use crate::codec::{DecodeError, Decoder};
use crate::types::{Kind, RowFill, RowMut, Rows};

/// Decodes Protobuf records for one lane.
pub(super) struct ProtobufDecoder {
    plan: Plan,
    fill: RowFill,
    /// Which messages have begun in this record; one per node.
    begun: Vec<bool>,
}

impl ProtobufDecoder {
    pub(super) fn new(plan: Plan, fill: RowFill) -> Self {
        let begun = vec![false; plan.nodes.len()];
        Self { plan, fill, begun }
    }
}

impl Decoder for ProtobufDecoder {
    fn decode(&mut self, record: u32, value: &[u8], rows: &mut Rows) -> Result<(), DecodeError> {
        let row = rows.begin(record, &self.fill);
        let mut walk = Walk { plan: &self.plan, row, begun: &mut self.begun, blame: None };
        if walk.begun.len() > 1 {
            walk.begun.fill(false);
        }
        if let Err(fault) = walk.message(0, Wire::new(value)) {
            let blame = walk.blame;
            rows.abandon();
            return Err(self.error(fault, blame));
        }
        Ok(())
    }
}

impl ProtobufDecoder {
    #[cold]
    fn error(&self, fault: Fault, blame: Option<Blame>) -> DecodeError {
        let at = blame.map_or(0, |blame| blame.at);
        let named = blame.filter(|blame| blame.number != 0);
        let field = named.and_then(|blame| Some(self.plan.nodes.get(blame.node as usize)?.name(blame.number)));
        let message = field.map_or_else(|| fault.to_string(), |field| format!("{field}: {fault}"));
        DecodeError { message, at }
    }
}

/// What a fault is about.
#[derive(Clone, Copy)]
struct Blame {
    node: u16,
    /// The field's number; 0 before it is known.
    number: u32,
    /// Where in the record.
    at: usize,
}

struct Walk<'a> {
    plan: &'a Plan,
    row: RowMut<'a>,
    begun: &'a mut [bool],
    /// Set after a fault.
    blame: Option<Blame>,
}

impl Walk<'_> {
    /// Calls itself along wanted messages only, so its depth is the plan's.
    fn message(&mut self, index: u16, mut wire: Wire<'_>) -> Result<(), Fault> {
        let plan = self.plan;
        let node = &plan.nodes[index as usize];
        while !wire.is_empty() {
            let mut number = 0;
            if let Err(fault) = self.field(node, &mut wire, &mut number) {
                // The innermost message knows best.
                self.blame.get_or_insert(Blame { node: index, number, at: wire.at() });
                return Err(fault);
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn field(&mut self, node: &Node, wire: &mut Wire<'_>, field: &mut u32) -> Result<(), Fault> {
        let (number, wire_type) = wire.tag()?;
        *field = number;
        let entry = node.entry(number);
        if entry.wires >> wire_type & 1 == 0 {
            return if matches!(wire_type, 3 | 4) { Err(Fault::Group) } else { Err(Fault::Type) };
        }
        if entry.oneof != 0 {
            self.switch(node, entry.oneof, number);
        }
        match entry.op {
            Op::Double(slot) => self.row.number(slot, f64::from_le_bytes(wire.fixed()?)),
            Op::Skip => wire.skip(wire_type)?,
            Op::Float(slot) => self.row.number(slot, f64::from(f32::from_le_bytes(wire.fixed()?))),
            Op::Integer(scalar, slot) => self.row.integer(slot, Some(integer(scalar, wire)?)),
            Op::Text(slot) => {
                let text = wire.bytes()?;
                std::str::from_utf8(text).map_err(|_| Fault::Utf8)?;
                self.row.text(slot, Some(text));
            }
            Op::Bytes(slot) => self.row.text(slot, Some(wire.bytes()?)),
            Op::Message(child) => {
                let inner = wire.message()?;
                self.begin(child);
                self.message(child, inner)?;
            }
        }
        Ok(())
    }

    /// A message that comes twice is merged, so only the first time its implicit fields get their zeros.
    fn begin(&mut self, node: u16) {
        if std::mem::replace(&mut self.begun[node as usize], true) {
            return;
        }
        for leaf in &self.plan.nodes[node as usize].implicit {
            match leaf.kind {
                Kind::Number => self.row.number(leaf.slot, 0.0),
                Kind::Integer => self.row.integer(leaf.slot, Some(0)),
                Kind::Text | Kind::Bytes => self.row.text(leaf.slot, Some(b"")),
            }
        }
    }

    /// A oneof holds the member that came last: the others are missing again.
    #[cold]
    fn switch(&mut self, node: &Node, oneof: u16, number: u32) {
        for member in &node.oneofs[oneof as usize - 1] {
            if member.number != number {
                member.leaves.iter().for_each(|leaf| self.missing(*leaf));
                member.nodes.iter().for_each(|node| self.begun[*node as usize] = false);
            }
        }
    }

    fn missing(&mut self, leaf: Leaf) {
        match leaf.kind {
            Kind::Number => self.row.number(leaf.slot, f64::NAN),
            Kind::Integer => self.row.integer(leaf.slot, None),
            Kind::Text | Kind::Bytes => self.row.text(leaf.slot, None),
        }
    }
}

/// Reads an integer. What is wider than its type is cut to it, as every implementation does.
#[inline]
fn integer(scalar: Scalar, wire: &mut Wire<'_>) -> Result<i64, Fault> {
    let zigzag = |value: u64| (value >> 1) as i64 ^ -((value & 1) as i64);
    Ok(match scalar {
        Scalar::Int64 => wire.varint()? as i64,
        Scalar::Uint64 => i64::try_from(wire.varint()?).map_err(|_| Fault::Range)?,
        Scalar::Int32 => i64::from(wire.varint()? as i32),
        Scalar::Uint32 => i64::from(wire.varint()? as u32),
        Scalar::Sint64 => zigzag(wire.varint()?),
        Scalar::Sint32 => zigzag(u64::from(wire.varint()? as u32)),
        Scalar::Fixed64 => i64::try_from(u64::from_le_bytes(wire.fixed()?)).map_err(|_| Fault::Range)?,
        Scalar::Sfixed64 => i64::from_le_bytes(wire.fixed()?),
        Scalar::Fixed32 => i64::from(u32::from_le_bytes(wire.fixed()?)),
        Scalar::Sfixed32 => i64::from(i32::from_le_bytes(wire.fixed()?)),
        Scalar::Bool => i64::from(wire.varint()? != 0),
    })
}
