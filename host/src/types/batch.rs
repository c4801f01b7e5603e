//! The records a lane works on in one step.

/// A range of bytes in a batch's arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

/// One header of a record.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    name: Span,
    value: Option<Span>,
}

/// One Kafka message of an input topic; its bytes are in the batch's arena.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// Index into the stream's input topics.
    pub topic: u16,
    /// Partition of that topic.
    pub partition: i32,
    /// Offset in that partition.
    pub offset: i64,
    /// Milliseconds since the epoch; -1 when the record has none.
    pub timestamp: i64,
    key: Option<Span>,
    value: Option<Span>,
    headers: Span,
}

/// Records in the order in which they were fetched, copied once. Its memory is used again for the next batch.
#[derive(Debug)]
pub struct Batch {
    arena: Vec<u8>,
    records: Vec<Record>,
    headers: Vec<Header>,
    records_max: usize,
    bytes_max: usize,
}

impl Batch {
    /// An empty batch that takes records until it has `records_max` of them or holds `bytes_max` bytes.
    #[must_use]
    pub fn new(records_max: usize, bytes_max: usize) -> Self {
        Self {
            arena: Vec::new(),
            records: Vec::with_capacity(records_max),
            headers: Vec::new(),
            records_max,
            bytes_max: bytes_max.min(u32::MAX as usize / 2),
        }
    }

    /// Forgets the records, keeps the memory (but gives back what one unusually large batch left behind).
    pub fn clear(&mut self) {
        self.arena.clear();
        self.arena.shrink_to(self.bytes_max);
        self.records.clear();
        self.headers.clear();
    }

    /// Whether it takes no more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.records.len() >= self.records_max || self.arena.len() >= self.bytes_max
    }

    /// How many records it still takes.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.arena.len() >= self.bytes_max { 0 } else { self.records_max - self.records.len() }
    }

    /// Bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Adds a record and copies its bytes.
    #[expect(clippy::too_many_arguments, reason = "the parts of a Kafka message, each named where it is called")]
    pub fn push<'a>(
        &mut self,
        topic: u16,
        partition: i32,
        offset: i64,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) {
        let key = key.map(|bytes| self.copy(bytes));
        let value = value.map(|bytes| self.copy(bytes));
        let start = self.headers.len() as u32;
        for (name, value) in headers {
            let header = Header { name: self.copy(name), value: value.map(|bytes| self.copy(bytes)) };
            self.headers.push(header);
        }
        let headers = Span { start, end: self.headers.len() as u32 };
        self.records.push(Record { topic, partition, offset, timestamp, key, value, headers });
    }

    fn copy(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Span { start, end: self.arena.len() as u32 }
    }

    fn bytes_of(&self, span: Span) -> &[u8] {
        &self.arena[span.start as usize..span.end as usize]
    }

    /// All records.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Value of a record.
    #[must_use]
    pub fn value(&self, record: &Record) -> Option<&[u8]> {
        record.value.map(|span| self.bytes_of(span))
    }

    /// Key of a record.
    #[must_use]
    pub fn key(&self, record: &Record) -> Option<&[u8]> {
        record.key.map(|span| self.bytes_of(span))
    }

    /// Bytes of a record's key and headers, with some room for what frames each of them.
    #[must_use]
    pub fn bytes_kept(&self, record: &Record) -> usize {
        const FRAME: usize = 10;
        let headers = &self.headers[record.headers.start as usize..record.headers.end as usize];
        let length = |span: Span| (span.end - span.start) as usize;
        let headers = headers.iter().map(|header| FRAME + length(header.name) + header.value.map_or(0, length));
        record.key.map_or(0, length) + headers.sum::<usize>()
    }

    /// Headers of a record, in order.
    pub fn headers(&self, record: &Record) -> impl ExactSizeIterator<Item = (&[u8], Option<&[u8]>)> {
        let range = record.headers.start as usize..record.headers.end as usize;
        self.headers[range].iter().map(|header| (self.bytes_of(header.name), header.value.map(|span| self.bytes_of(span))))
    }
}
