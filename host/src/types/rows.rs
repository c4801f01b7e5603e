//! Decoded records of one data type, ready to be packed into a model's inputs.

use super::Schema;

/// Decoded rows: numbers `[rows, number slots]`, integers `[rows, integer slots]`, texts `[rows, text slots]`, all row-major.
/// A decoder writes them, a binding reads them.
#[derive(Debug, Default)]
pub struct Rows {
    records: Vec<u32>,
    numbers: Vec<f64>,
    integers: Vec<i64>,
    present: Vec<bool>,
    texts: Vec<TextSpan>,
    data: Vec<u8>,
    /// Length of `data` before the row begun last.
    data_before: usize,
    strides: (usize, usize, usize),
}

/// The row begun last, open for writing.
#[derive(Debug)]
pub struct RowMut<'a> {
    numbers: &'a mut [f64],
    integers: &'a mut [i64],
    present: &'a mut [bool],
    texts: &'a mut [TextSpan],
    data: &'a mut Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct TextSpan {
    start: u32,
    end: u32,
}

const MISSING: TextSpan = TextSpan { start: u32::MAX, end: u32::MAX };

/// Memory for texts that is kept from batch to batch.
const DATA_KEPT: usize = 16 << 20;

/// What a row holds before its fields are decoded: a format's own defaults.
#[derive(Debug, Clone, Default)]
pub struct RowFill {
    /// One per number slot; NaN is missing.
    pub numbers: Vec<f64>,
    /// One per integer slot; `None` is missing.
    pub integers: Vec<Option<i64>>,
    /// One per text slot: whether it is empty rather than missing.
    pub texts: Vec<bool>,
}

impl RowFill {
    /// Everything is missing.
    #[must_use]
    pub fn missing(schema: &Schema) -> Self {
        let (numbers, integers, texts) = schema.slots();
        Self { numbers: vec![f64::NAN; numbers], integers: vec![None; integers], texts: vec![false; texts] }
    }
}

impl Rows {
    /// No rows yet, of a data type with these slots.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        Self { strides: schema.slots(), ..Self::default() }
    }

    /// Forgets the rows, keeps the memory.
    pub fn clear(&mut self) {
        self.records.clear();
        self.numbers.clear();
        self.integers.clear();
        self.present.clear();
        self.texts.clear();
        self.data.clear();
        self.data.shrink_to(DATA_KEPT);
        self.data_before = 0;
    }

    /// Begins the row of record `record` of the batch with a format's defaults.
    pub fn begin(&mut self, record: u32, fill: &RowFill) -> RowMut<'_> {
        self.data_before = self.data.len();
        self.records.push(record);
        self.numbers.extend_from_slice(&fill.numbers);
        for value in &fill.integers {
            self.integers.push(value.unwrap_or(0));
            self.present.push(value.is_some());
        }
        self.texts.extend(fill.texts.iter().map(|empty| if *empty { TextSpan { start: 0, end: 0 } } else { MISSING }));
        self.last_mut()
    }

    fn last_mut(&mut self) -> RowMut<'_> {
        let (numbers, integers, texts) = self.strides;
        let (numbers, integers, texts) = (self.numbers.len() - numbers, self.integers.len() - integers, self.texts.len() - texts);
        RowMut {
            numbers: &mut self.numbers[numbers..],
            integers: &mut self.integers[integers..],
            present: &mut self.present[integers..],
            texts: &mut self.texts[texts..],
            data: &mut self.data,
        }
    }

    /// Takes the row back that was begun last: its record could not be decoded.
    pub fn abandon(&mut self) {
        self.records.pop();
        let rows = self.records.len();
        self.numbers.truncate(rows * self.strides.0);
        self.integers.truncate(rows * self.strides.1);
        self.present.truncate(rows * self.strides.1);
        self.texts.truncate(rows * self.strides.2);
        self.data.truncate(self.data_before);
    }

    /// The numbers of the row begun last, by slot.
    pub fn numbers_mut(&mut self) -> &mut [f64] {
        let start = self.numbers.len() - self.strides.0;
        &mut self.numbers[start..]
    }

    /// Sets a number of the row begun last.
    pub fn set_number(&mut self, slot: u16, value: f64) {
        self.last_mut().number(slot, value);
    }

    /// Sets an integer of the row begun last; `None` is missing.
    pub fn set_integer(&mut self, slot: u16, value: Option<i64>) {
        self.last_mut().integer(slot, value);
    }

    /// Sets a text or byte string of the row begun last; `None` is missing.
    pub fn set_text(&mut self, slot: u16, value: Option<&[u8]>) {
        self.last_mut().text(slot, value);
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The record of the batch that each row came from.
    #[must_use]
    pub fn records(&self) -> &[u32] {
        &self.records
    }

    /// All numbers, row-major, and how many a row has.
    #[must_use]
    pub fn numbers(&self) -> (&[f64], usize) {
        (&self.numbers, self.strides.0)
    }

    /// A number; NaN is missing.
    #[must_use]
    pub fn number(&self, row: usize, slot: u16) -> f64 {
        self.numbers[row * self.strides.0 + slot as usize]
    }

    /// An integer.
    #[must_use]
    pub fn integer(&self, row: usize, slot: u16) -> Option<i64> {
        let at = row * self.strides.1 + slot as usize;
        self.present[at].then(|| self.integers[at])
    }

    /// A text or byte string.
    #[must_use]
    pub fn text(&self, row: usize, slot: u16) -> Option<&[u8]> {
        let span = self.texts[row * self.strides.2 + slot as usize];
        (span.start != u32::MAX).then(|| &self.data[span.start as usize..span.end as usize])
    }
}

impl RowMut<'_> {
    /// Sets a number; NaN is missing.
    #[inline(always)]
    pub fn number(&mut self, slot: u16, value: f64) {
        self.numbers[slot as usize] = value;
    }

    /// Sets an integer; `None` is missing.
    #[inline(always)]
    pub fn integer(&mut self, slot: u16, value: Option<i64>) {
        self.integers[slot as usize] = value.unwrap_or(0);
        self.present[slot as usize] = value.is_some();
    }

    /// Sets a text or byte string; `None` is missing. Set twice, the last one counts.
    #[inline]
    pub fn text(&mut self, slot: u16, value: Option<&[u8]>) {
        self.texts[slot as usize] = match value {
            None => MISSING,
            Some(value) => {
                let start = self.data.len() as u32;
                self.data.extend_from_slice(value);
                TextSpan { start, end: self.data.len() as u32 }
            }
        };
    }
}
