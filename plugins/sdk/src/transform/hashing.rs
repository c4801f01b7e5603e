//! The hashing trick: any number of names in a fixed number of columns.

/// `N` columns for any number of names: scikit-learn's `FeatureHasher`, and the hashing half of `HashingVectorizer`, with
/// `n_features=N`.
///
/// A name's column is the absolute value of its hash, as a signed number, modulo `N`; a negative hash subtracts where others add
/// (`alternate_sign=True`), so that names that meet in a column cancel out on average. The hash is [`murmur3`] with seed 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hashing<const N: usize>;

impl<const N: usize> Hashing<N> {
    /// The name's column, below `N`, and its sign, 1 or -1. A category is hashed as scikit-learn does by writing `field=value`.
    #[must_use]
    pub fn slot(self, name: &str) -> (usize, f64) {
        const { assert!(N > 0 && N <= i32::MAX as usize, "from 1 to 2147483647 columns") };
        let hash = murmur3(name.as_bytes(), 0).cast_signed();
        (hash.unsigned_abs() as usize % N, if hash < 0 { -1.0 } else { 1.0 })
    }

    /// Adds `weight` in the name's column, with its sign.
    pub fn add(self, name: &str, weight: f64, vector: &mut [f64; N]) {
        let (column, sign) = self.slot(name);
        if let Some(value) = vector.get_mut(column) {
            *value += sign * weight;
        }
    }
}

/// MurmurHash3 for 32 bits on x86, by Austin Appleby, who gave it to the public domain. Stable: it will not change with a version of
/// this crate.
#[must_use]
pub fn murmur3(bytes: &[u8], seed: u32) -> u32 {
    let scrambled = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, rest) = bytes.as_chunks::<4>();
    let mut hash = seed;
    for word in words {
        hash = (hash ^ scrambled(u32::from_le_bytes(*word))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    // Nothing left is scrambled to nothing.
    let rest = rest.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
    hash ^= scrambled(rest) ^ bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}
