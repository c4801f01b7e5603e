//! What the formats of results have in common.

use std::ops::Range;

use super::{Error, ResultMeta};
use crate::types::{Packed, PackedRef, Schema, Tensor};

/// Prefixes kept by an encoder: more than the partitions of one lane.
const PREFIXES_MAX: usize = 256;

/// Names of a result's own members, which a record's field must not take.
const RESERVED: [&str; 12] = [
    "data_type",
    "model",
    "version",
    "digest",
    "evaluator",
    "revision",
    "role",
    "topic",
    "partition",
    "offset",
    "timestamp",
    "outputs",
];

/// Looks up the fields that results are to repeat, in their order, as indices into the schema.
///
/// # Errors
/// No such field, one that is named twice, or one whose name a result itself uses.
pub fn check_include(schema: &Schema, include: &[String]) -> Result<Vec<u16>, Error> {
    let mut indices = Vec::with_capacity(include.len());
    for name in include {
        let index = schema.index(name)?;
        let field = &schema.fields()[index as usize].name;
        let refuse = |reason: &str| {
            Err(Error::Include { data_type: schema.data_type().to_owned(), field: field.clone(), reason: reason.to_owned() })
        };
        if RESERVED.contains(&field.as_str()) {
            return refuse("a result has a member of that name");
        }
        if indices.contains(&index) {
            return refuse("it is named twice");
        }
        indices.push(index);
    }
    Ok(indices)
}

/// Name of a record's topic.
pub(super) fn topic(meta: &ResultMeta, topic: u16) -> &str {
    meta.topics.get(topic as usize).map_or("", String::as_str)
}

/// The values of a row of an output.
pub(super) enum Cells<'a> {
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Int64(&'a [i64]),
    Text(Strings<'a>),
    Bytes(Strings<'a>),
}

/// Some values of a packed tensor.
pub(super) struct Strings<'a> {
    tensor: PackedRef<'a>,
    values: Range<usize>,
}

impl<'a> Strings<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let tensor = self.tensor;
        self.values.clone().map(move |i| tensor.get(i))
    }
}

/// Row `row` of an output of `width` values per row.
#[inline]
pub(super) fn cells(tensor: &Tensor, row: usize, width: usize) -> Cells<'_> {
    let values = row * width..(row + 1) * width;
    match tensor {
        Tensor::Float32(all) => Cells::Float32(all.get(values).unwrap_or_default()),
        Tensor::Float64(all) => Cells::Float64(all.get(values).unwrap_or_default()),
        Tensor::Int64(all) => Cells::Int64(all.get(values).unwrap_or_default()),
        Tensor::Text(all) => Cells::Text(strings(all, values)),
        Tensor::Bytes(all) => Cells::Bytes(strings(all, values)),
    }
}

fn strings(all: &Packed, values: Range<usize>) -> Strings<'_> {
    let values = if values.end <= all.ends.len() { values } else { 0..0 };
    Strings { tensor: all.view(), values }
}

/// The constant beginnings of results, by topic and partition.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    kept: Vec<(u16, i32, Box<[u8]>)>,
    last: usize,
}

impl Prefixes {
    /// The beginning for a partition; `build` writes it when it is not there.
    #[inline]
    pub(super) fn get(&mut self, topic: u16, partition: i32, build: impl FnOnce() -> Vec<u8>) -> &[u8] {
        if !matches!(self.kept.get(self.last), Some(entry) if entry.0 == topic && entry.1 == partition) {
            self.last = self.find(topic, partition, build);
        }
        &self.kept[self.last].2
    }

    #[cold]
    fn find(&mut self, topic: u16, partition: i32, build: impl FnOnce() -> Vec<u8>) -> usize {
        if let Some(at) = self.kept.iter().position(|entry| entry.0 == topic && entry.1 == partition) {
            return at;
        }
        if self.kept.len() == PREFIXES_MAX {
            self.kept.clear();
        }
        self.kept.push((topic, partition, build().into()));
        self.kept.len() - 1
    }
}
