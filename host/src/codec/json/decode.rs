//! Walks the bytes of a record along its plan.

use std::sync::Arc;

use super::fault::Fault;
use super::plan::{Leaf, Node, Place, Plan, Target};
use super::scan::Scan;
use super::unescape::unescape;
use crate::codec::{DecodeError, Decoder, base64};
use crate::types::{Kind, RowFill, RowMut, Rows, Schema};

/// Members of an object that is walked.
const MEMBERS_MAX: usize = 65_536;

/// Decodes JSON records for one lane.
pub(super) struct JsonDecoder {
    schema: Arc<Schema>,
    plan: Plan,
    fill: RowFill,
    scratch: Scratch,
}

/// Memory that is used again for every record.
#[derive(Default)]
struct Scratch {
    /// Which of the fields that can be in two places came under their exact name.
    exact: Vec<bool>,
    text: Vec<u8>,
    bytes: Vec<u8>,
    /// The field whose value is at fault.
    culprit: Option<u16>,
}

impl JsonDecoder {
    pub(super) fn new(schema: &Arc<Schema>, wanted: &[u16]) -> Self {
        let plan = Plan::new(schema, wanted);
        let scratch = Scratch { exact: vec![false; plan.doubles], ..Scratch::default() };
        Self { schema: Arc::clone(schema), plan, fill: RowFill::missing(schema), scratch }
    }

    #[cold]
    fn error(&self, fault: Fault, at: usize, value: &[u8]) -> DecodeError {
        let field = self.scratch.culprit.and_then(|field| self.schema.fields().get(field as usize));
        let field = field.map(|field| format!("field `{}`: ", field.name)).unwrap_or_default();
        let found = match value.get(at) {
            None => "the end".to_owned(),
            Some(byte @ 0x20..0x7f) => format!("`{}`", *byte as char),
            Some(byte) => format!("byte 0x{byte:02x}"),
        };
        DecodeError { message: format!("{field}{fault}, found {found}"), at }
    }
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, record: u32, value: &[u8], rows: &mut Rows) -> Result<(), DecodeError> {
        // Checked once as a whole: any slice between two quotes is text then.
        if let Err(error) = std::str::from_utf8(value) {
            self.scratch.culprit = None;
            return Err(self.error(Fault::Utf8, error.valid_up_to(), value));
        }
        let row = rows.begin(record, &self.fill);
        self.scratch.exact.fill(false);
        let mut walk = Walk { scan: Scan { bytes: value, at: 0 }, plan: &self.plan, row, scratch: &mut self.scratch };
        if let Err(fault) = walk.record() {
            let at = walk.scan.at;
            rows.abandon();
            return Err(self.error(fault, at, value));
        }
        Ok(())
    }
}

struct Walk<'a> {
    scan: Scan<'a>,
    plan: &'a Plan,
    row: RowMut<'a>,
    scratch: &'a mut Scratch,
}

impl Walk<'_> {
    #[inline]
    fn record(&mut self) -> Result<(), Fault> {
        self.scratch.culprit = None;
        self.scan.space();
        self.scan.expect(b'{', Fault::Object)?;
        self.object(0)?;
        self.scan.space();
        if self.scan.at == self.scan.bytes.len() { Ok(()) } else { Err(Fault::Trailing) }
    }

    /// An object after its opening brace. It calls itself along wanted paths only, so its depth is the plan's.
    fn object(&mut self, node: usize) -> Result<(), Fault> {
        let node = &self.plan.nodes[node];
        self.scan.space();
        if self.scan.peek() == b'}' {
            self.scan.at += 1;
            return Ok(());
        }
        for member in 0..MEMBERS_MAX {
            self.scan.expect(b'"', Fault::Key)?;
            let key = match node.guess(member) {
                Some((key, quoted)) if self.scan.take(quoted) => {
                    self.scan.space();
                    Some(key)
                }
                _ => {
                    let key = self.key(node)?;
                    if let Some(key) = key {
                        node.learn(member, key);
                    }
                    key
                }
            };
            match key.map(|key| node.target(key)) {
                None => self.scan.skip()?,
                Some(Target::Leaf(leaf)) => self.leaf(leaf)?,
                Some(Target::Node(child)) => self.child(child as usize)?,
            }
            self.scan.space();
            match self.scan.peek() {
                b',' => self.scan.at += 1,
                b'}' => {
                    self.scan.at += 1;
                    return Ok(());
                }
                _ => return Err(Fault::Comma),
            }
            self.scan.space();
        }
        Err(Fault::Members)
    }

    /// A member's name after its opening quote, and the colon.
    #[inline]
    fn key(&mut self, node: &Node) -> Result<Option<u16>, Fault> {
        let start = self.scan.at;
        let quoted = self.scan.quoted()?;
        let key = if quoted.escaped {
            if let Err(fault) = unescape(quoted.raw, &mut self.scratch.text) {
                return self.scan.back_to(start, fault);
            }
            node.find(&self.scratch.text)
        } else {
            node.find(quoted.raw)
        };
        self.scan.colon()?;
        Ok(key)
    }

    fn child(&mut self, node: usize) -> Result<(), Fault> {
        // An object that comes twice counts as it came last.
        self.forget(node);
        match self.scan.peek() {
            b'{' => {
                self.scan.at += 1;
                self.object(node)
            }
            b'n' => self.scan.word(b"null"),
            _ => Err(Fault::Object),
        }
    }

    fn forget(&mut self, node: usize) {
        for target in self.plan.nodes[node].targets() {
            match target {
                Target::Node(child) => self.forget(child as usize),
                Target::Leaf(leaf) if self.yields(leaf) => {}
                Target::Leaf(leaf) => self.missing(leaf),
            }
        }
    }

    /// Whether the field is at the end of a path, and came under its exact name as well, which is the one that counts.
    #[inline(always)]
    fn yields(&self, leaf: Leaf) -> bool {
        matches!(leaf.place, Place::Path(double) if self.scratch.exact[double as usize])
    }

    fn missing(&mut self, leaf: Leaf) {
        match leaf.kind {
            Kind::Number => self.row.number(leaf.slot, f64::NAN),
            Kind::Integer => self.row.integer(leaf.slot, None),
            Kind::Text | Kind::Bytes => self.row.text(leaf.slot, None),
        }
    }

    #[inline(always)]
    fn leaf(&mut self, leaf: Leaf) -> Result<(), Fault> {
        if let Place::Exact(double) = leaf.place {
            self.scratch.exact[double as usize] = true;
        }
        if self.yields(leaf) {
            return self.scan.skip();
        }
        let written = match leaf.kind {
            Kind::Number => self.number(leaf),
            _ => self.other(leaf),
        };
        if written.is_err() {
            self.scratch.culprit = Some(leaf.field);
        }
        written
    }

    #[inline(always)]
    fn number(&mut self, leaf: Leaf) -> Result<(), Fault> {
        let value = match self.scan.peek() {
            b'n' => self.scan.word(b"null").map(|()| f64::NAN)?,
            b't' => self.scan.word(b"true").map(|()| 1.0)?,
            b'f' => self.scan.word(b"false").map(|()| 0.0)?,
            _ => self.scan.number()?,
        };
        self.row.number(leaf.slot, value);
        Ok(())
    }

    fn other(&mut self, leaf: Leaf) -> Result<(), Fault> {
        if self.scan.peek() == b'n' {
            self.scan.word(b"null")?;
            self.missing(leaf);
            return Ok(());
        }
        if leaf.kind == Kind::Integer { self.integer(leaf) } else { self.text(leaf) }
    }

    fn integer(&mut self, leaf: Leaf) -> Result<(), Fault> {
        let value = match self.scan.peek() {
            b't' => self.scan.word(b"true").map(|()| 1)?,
            b'f' => self.scan.word(b"false").map(|()| 0)?,
            _ => self.scan.integer()?,
        };
        self.row.integer(leaf.slot, Some(value));
        Ok(())
    }

    fn text(&mut self, leaf: Leaf) -> Result<(), Fault> {
        let start = self.scan.at;
        let quoted = self.scan.text()?;
        let mut text = quoted.raw;
        if quoted.escaped {
            if let Err(fault) = unescape(text, &mut self.scratch.text) {
                return self.scan.back_to(start, fault);
            }
            text = &self.scratch.text;
        }
        if leaf.kind == Kind::Bytes {
            if base64::decode(text, &mut self.scratch.bytes).is_none() {
                return self.scan.back_to(start, Fault::Base64);
            }
            text = &self.scratch.bytes;
        }
        self.row.text(leaf.slot, Some(text));
        Ok(())
    }
}
