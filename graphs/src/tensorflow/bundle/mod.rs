//! Variables of a SavedModel: `variables/variables.index`, a table from names to places, and `variables/variables.data-0000x-of-0000n`,
//! the bytes. Format: tensorflow/core/util/tensor_bundle/tensor_bundle.h; the table is LevelDB's (table_format.md).

mod table;

use std::collections::BTreeMap;

use prost::Message as _;

use super::proto::{BundleEntryProto, BundleHeaderProto};
use super::{Folder, dtype};
use crate::{Bounds, Refused};

/// Where the variables are, with the names that TensorFlow gives them.
const PREFIX: &str = "variables/variables";

/// Bytes of an index; one entry has some 50, so it is far from what a model needs.
const INDEX_MAX: u64 = 64 << 20;

/// Shards of one bundle.
const SHARDS_MAX: i32 = 1_000;

/// One tensor as it lies in a shard.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    /// TensorFlow's number of the element type.
    pub(super) dtype: i32,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: &'a [u8],
}

/// A bundle whose index was read; shards are read when the first tensor in them is asked for.
pub(super) struct Bundle<'a> {
    folder: &'a dyn Folder,
    entries: BTreeMap<Vec<u8>, BundleEntryProto>,
    shards: Vec<Option<Vec<u8>>>,
    /// Bytes of shards that may still be read.
    left: u64,
    max: u64,
    elements_max: usize,
}

impl<'a> Bundle<'a> {
    /// Reads the index; `None` where the model has no variables.
    ///
    /// # Errors
    /// It is broken, or written on a big-endian machine.
    pub(super) fn open(folder: &'a dyn Folder, bounds: &Bounds) -> Result<Option<Self>, Refused> {
        let name = format!("{PREFIX}.index");
        let Some(index) = folder.read(&name, INDEX_MAX)? else { return Ok(None) };
        let mut entries = BTreeMap::new();
        let mut header = None;
        for (key, value) in table::entries(&index).map_err(|reason| malformed(&name, reason))? {
            let broken =
                |error: prost::DecodeError| malformed(&name, format!("entry `{}`: {error}", String::from_utf8_lossy(&key)));
            if key.is_empty() {
                header = Some(BundleHeaderProto::decode(value.as_slice()).map_err(broken)?);
            } else {
                let entry = BundleEntryProto::decode(value.as_slice()).map_err(broken)?;
                entries.insert(key, entry);
            }
        }
        let header = header.ok_or_else(|| malformed(&name, "it has no header".to_owned()))?;
        if header.endianness != 0 {
            return Err(malformed(&name, "it was written on a big-endian machine; little-endian ones are read".to_owned()));
        }
        if header.num_shards < 1 || header.num_shards > SHARDS_MAX {
            return Err(malformed(&name, format!("1 to {SHARDS_MAX} shards are expected, {} are said", header.num_shards)));
        }
        let shards = (0..header.num_shards).map(|_| None).collect();
        Ok(Some(Self { folder, entries, shards, left: bounds.weights, max: bounds.weights, elements_max: bounds.elements }))
    }

    /// One tensor.
    ///
    /// # Errors
    /// It is not stored, in slices, of a type that is not read, or its bytes are not those whose checksum was taken.
    pub(super) fn tensor(&mut self, key: &str) -> Result<Stored<'_>, Refused> {
        let what = format!("variable `{key}`");
        let entry =
            self.entries.get(key.as_bytes()).cloned().ok_or_else(|| malformed(&what, format!("it is not in {PREFIX}.index")))?;
        if !entry.slices.is_empty() {
            return Err(malformed(
                &what,
                "it is stored in slices (a partitioned variable), which are not read: save it whole".to_owned(),
            ));
        }
        let shape = self.shape(&entry, &what)?;
        let Some(size) = dtype::size(entry.dtype) else {
            return Err(malformed(
                &what,
                format!("its element type is {}, which is not read from variables", dtype::name(entry.dtype)),
            ));
        };
        let bytes = shape.iter().try_fold(size, |product, dim| product.checked_mul(*dim));
        if bytes.and_then(|bytes| i64::try_from(bytes).ok()) != Some(entry.size) {
            return Err(malformed(
                &what,
                format!("shape {shape:?} of {} is said to have {} bytes", dtype::name(entry.dtype), entry.size),
            ));
        }
        let number = usize::try_from(entry.shard_id).ok().filter(|number| *number < self.shards.len());
        let number = number
            .ok_or_else(|| malformed(&what, format!("it is said to be in shard {} of {}", entry.shard_id, self.shards.len())))?;
        let shard = self.shard(number)?;
        let from = usize::try_from(entry.offset).ok();
        let to = from.and_then(|from| from.checked_add(usize::try_from(entry.size).ok()?));
        let place = from.zip(to).and_then(|(from, to)| shard.get(from..to));
        let bytes = place.ok_or_else(|| {
            let (from, size, has) = (entry.offset, entry.size, shard.len());
            malformed(&what, format!("its place is {from} and {size} bytes on in a shard of {has} bytes: the shard is cut off"))
        })?;
        if table::mask(crc32c::crc32c(bytes)) != entry.crc32c {
            return Err(malformed(&what, "its bytes do not have the checksum that the index says".to_owned()));
        }
        Ok(Stored { dtype: entry.dtype, shape, bytes })
    }

    fn shape(&self, entry: &BundleEntryProto, what: &str) -> Result<Vec<usize>, Refused> {
        let dims = entry.shape.iter().flat_map(|shape| &shape.dim).map(|dim| usize::try_from(dim.size));
        let shape = dims.collect::<Result<Vec<_>, _>>().map_err(|_| malformed(what, "a dimension is negative".to_owned()))?;
        // A zero among them makes nothing of the others, but tract multiplies them all the same.
        let elements = shape.iter().try_fold(1usize, |product, dim| product.checked_mul((*dim).max(1))).unwrap_or(usize::MAX);
        if elements > self.elements_max {
            let (got, max) = (elements as u64, self.elements_max as u64);
            return Err(Refused::TooLarge { what: format!("number of values of {what}"), got, max });
        }
        Ok(shape)
    }

    fn shard(&mut self, number: usize) -> Result<&[u8], Refused> {
        let of = self.shards.len();
        let name = format!("{PREFIX}.data-{number:05}-of-{of:05}");
        let left = &mut self.left;
        let Some(slot) = self.shards.get_mut(number) else { return Err(malformed(&name, "there is no such shard".to_owned())) };
        if slot.is_none() {
            let content = self.folder.read(&name, *left).map_err(|refused| match refused {
                Refused::TooLarge { got, .. } => {
                    Refused::TooLarge { what: "bytes of all variables".to_owned(), got, max: self.max }
                }
                other => other,
            })?;
            let content = content.ok_or_else(|| malformed(&name, "the file is missing".to_owned()))?;
            *left -= u64::try_from(content.len()).unwrap_or(*left);
            *slot = Some(content);
        }
        Ok(slot.as_deref().unwrap_or_default())
    }
}

fn malformed(what: &str, reason: String) -> Refused {
    Refused::Malformed { what: what.to_owned(), reason }
}
