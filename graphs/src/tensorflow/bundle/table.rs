//! A table of LevelDB's, read whole: footer, index block, data blocks with shared prefixes of keys and checksums.

/// The last eight bytes of a table.
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;

/// Two handles of at most 20 bytes, and the magic.
const FOOTER: usize = 48;

/// Type of compression, and checksum.
const TRAILER: usize = 5;

/// Bytes of one block, unpacked; TensorFlow writes blocks of 256 KiB, larger only where one entry is.
const BLOCK_MAX: usize = 64 << 20;

/// Bytes of all keys and values: prefixes that keys share are stored once, so a table can be larger than its file.
const TABLE_MAX: usize = 256 << 20;

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Keys and values, in order.
///
/// # Errors
/// What is wrong with the table.
pub(super) fn entries(table: &[u8]) -> Result<Entries, String> {
    let footer =
        table.len().checked_sub(FOOTER).and_then(|from| table.get(from..)).ok_or("it is too short for a table: it is cut off")?;
    let (handles, magic) = footer.split_at(FOOTER - 8);
    if magic != MAGIC.to_le_bytes() {
        return Err("it does not end as a table does: it is cut off, or it is another kind of file".to_owned());
    }
    let mut handles = Reader(handles);
    let (_, index) = (handles.handle()?, handles.handle()?);
    let mut budget = TABLE_MAX;
    let mut found = Entries::new();
    for (_, value) in block(&unpacked(table, index)?, &mut budget)? {
        let data = unpacked(table, Reader(&value).handle()?)?;
        found.extend(block(&data, &mut budget)?);
    }
    if found.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a >= b)) {
        return Err("its keys are not in order".to_owned());
    }
    Ok(found)
}

/// The masked form of a checksum, as it is stored: a checksum of bytes that hold checksums would be weak.
pub(super) fn mask(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A block at a place, its checksum checked, unpacked.
fn unpacked(table: &[u8], (offset, size): (usize, usize)) -> Result<Vec<u8>, String> {
    let cut = || format!("a block of {size} bytes at {offset} is not in it: it is cut off");
    let end = offset.checked_add(size).and_then(|end| end.checked_add(TRAILER)).ok_or_else(cut)?;
    let with_trailer = table.get(offset..end).ok_or_else(cut)?;
    let (checked, crc) = with_trailer.split_at(size + 1);
    if mask(crc32c::crc32c(checked)).to_le_bytes() != *crc {
        return Err(format!("the block at {offset} does not have its checksum"));
    }
    let (content, kind) = checked.split_at(size);
    match kind {
        [0] => Ok(content.to_vec()),
        [1] => {
            let length = snap::raw::decompress_len(content).map_err(|error| format!("the block at {offset}: {error}"))?;
            if length > BLOCK_MAX {
                return Err(format!("the block at {offset} unpacks to {length} bytes, at most {BLOCK_MAX} are allowed"));
            }
            snap::raw::Decoder::new().decompress_vec(content).map_err(|error| format!("the block at {offset}: {error}"))
        }
        other => Err(format!("the block at {offset} is compressed in way {other:?}; none and snappy are read")),
    }
}

/// Keys and values of a block; they end where the list of restarts begins.
fn block(block: &[u8], budget: &mut usize) -> Result<Entries, String> {
    let (rest, count) = block.split_last_chunk::<4>().ok_or("a block is too short")?;
    let restarts = usize::try_from(u32::from_le_bytes(*count)).ok().and_then(|count| count.checked_mul(4));
    let end = restarts.and_then(|restarts| rest.len().checked_sub(restarts)).ok_or("a block has more restarts than bytes")?;
    let mut reader = Reader(rest.get(..end).unwrap_or_default());
    let mut found = Entries::new();
    let mut key: Vec<u8> = Vec::new();
    while !reader.0.is_empty() {
        let (shared, own, size) = (reader.number()?, reader.number()?, reader.number()?);
        if shared > key.len() {
            return Err("a key shares more than the key before it has".to_owned());
        }
        key.truncate(shared);
        key.extend_from_slice(reader.take(own)?);
        let value = reader.take(size)?.to_vec();
        *budget = budget.checked_sub(key.len() + value.len() + 64).ok_or("it has too many entries")?;
        found.push((key.clone(), value));
    }
    Ok(found)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A number in groups of seven bits.
    fn number(&mut self) -> Result<usize, String> {
        let mut number = 0u64;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or("a number is cut off")?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(number).map_err(|_| "a number is too large".to_owned());
            }
        }
        Err("a number is too long".to_owned())
    }

    fn take(&mut self, size: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(size).ok_or("an entry is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    /// Offset and size of a block.
    fn handle(&mut self) -> Result<(usize, usize), String> {
        Ok((self.number()?, self.number()?))
    }
}
