//! Decisions, taken from the bytes that the fuzzer gives: zero once there are no more.

/// Bytes that decide.
#[derive(Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// Takes decisions from these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `count`; zero where there is nothing to choose from.
    pub fn below(&mut self, count: usize) -> usize {
        let wide = if count > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (wide | usize::from(self.byte())).checked_rem(count).unwrap_or(0)
    }

    /// One of these.
    pub fn one<'b, T: ?Sized>(&mut self, of: &[&'b T]) -> Option<&'b T> {
        of.get(self.below(of.len())).copied()
    }

    /// A number of the kind that dimensions, axes and counts are, or one that they must not be.
    pub fn number(&mut self) -> i64 {
        const EDGES: &[i64] = &[
            0,
            1,
            -1,
            2,
            -2,
            3,
            5,
            7,
            8,
            16,
            64,
            255,
            256,
            1_000,
            65_536,
            65_537,
            1_000_000_000,
            i32::MAX as i64,
            i32::MIN as i64,
            i64::MAX,
            i64::MIN,
            1 << 40,
            -65_536,
        ];
        let byte = self.byte();
        if byte < 200 { i64::from(byte % 10) - 2 } else { EDGES[self.below(EDGES.len())] }
    }

    /// Up to four of them.
    pub fn numbers(&mut self) -> Vec<i64> {
        let count = self.below(5);
        (0..count).map(|_| self.number()).collect()
    }

    /// A float, odd ones included.
    pub fn float(&mut self) -> f32 {
        const EDGES: &[f32] = &[0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e9, -1e9, 3.0];
        EDGES[self.below(EDGES.len())]
    }

    /// Whether there is anything left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A part, as long as the two bytes before it say.
    pub fn part(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()) << 8 | usize::from(self.byte());
        let (part, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        part
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
