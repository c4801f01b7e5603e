//! Regression trees as arrays.
//!
//! Every tree is complete, with `NODES` leaves: node `i` has the children `2 i` and `2 i + 1`, the root is node 1, and a branch
//! that ended early goes on in nodes that do not matter. So a row takes the same number of steps in every tree and no step is a
//! jump to be guessed, which is worth more than the steps that are saved by ending early.
//!
//! # File
//! Little-endian. Magic `SSFOREST`; `u32` version 1, trees, `NODES`, columns; `f32` base. Then each tree: `NODES` nodes of `f32`
//! threshold and `u32` column (node 0 is unused), and `NODES` leaves of `f32`.

use std::borrow::Cow;
use std::fmt;

/// A row is padded to this many columns, a power of two, so that a column number can be masked instead of checked.
pub const COLUMNS_MAX: usize = 16;

/// Rows that walk down a tree side by side: their loads do not wait for each other.
const ABREAST: usize = 8;

/// Rows for which one tree is walked before the next tree is fetched.
const BLOCK: usize = 256;

const MAGIC: &[u8; 8] = b"SSFOREST";
const HEADER: usize = 28;

type Node = [u8; 8];
type Leaf = [u8; 4];
type Row = [f32; COLUMNS_MAX];

/// The sum of many trees of `NODES` leaves each: `base` plus, for each tree, the leaf that a row falls into. At a node a row goes
/// right when its value is above the threshold; a missing value (NaN) goes left.
#[derive(Debug, Clone)]
pub struct Forest<const NODES: usize> {
    /// The file itself; it is scored where it lies.
    file: Cow<'static, [u8]>,
    trees: usize,
    columns: usize,
    base: f32,
}

/// A tree to be written: the nodes' thresholds and columns (node 0 is unused), and the leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree<const NODES: usize> {
    /// `(threshold, column)`.
    pub nodes: [(f32, u32); NODES],
    /// From left to right.
    pub leaves: [f32; NODES],
}

impl<const NODES: usize> Forest<NODES> {
    const TREE: usize = NODES * (size_of::<Node>() + size_of::<Leaf>());
    const STEPS: u32 = {
        assert!(NODES.is_power_of_two(), "a complete tree has 2^n leaves");
        NODES.trailing_zeros()
    };

    /// Checks a file and takes it as the model.
    ///
    /// # Errors
    /// It is no forest, is damaged, or has trees of another size.
    pub fn parse(file: impl Into<Cow<'static, [u8]>>) -> Result<Self, NotAForest> {
        let file = file.into();
        let header = file.get(..HEADER).filter(|header| header.starts_with(MAGIC)).ok_or(NotAForest::Magic)?;
        let ([version, trees, nodes, columns, base], _) = header[8..].as_chunks::<4>() else { return Err(NotAForest::Magic) };
        let [version, trees, nodes, columns] = [version, trees, nodes, columns].map(|word| u32::from_le_bytes(*word) as usize);
        if version != 1 {
            return Err(NotAForest::Version(version));
        }
        if nodes != NODES || columns == 0 || columns > COLUMNS_MAX {
            return Err(NotAForest::Size { nodes, columns, expected: NODES });
        }
        let expected = trees.checked_mul(Self::TREE).and_then(|bytes| bytes.checked_add(HEADER));
        if expected != Some(file.len()) {
            return Err(NotAForest::Length { trees, came: file.len() });
        }
        let base = f32::from_le_bytes(*base);
        Ok(Self { file, trees, columns, base })
    }

    /// What [`parse`](Self::parse) reads.
    #[must_use]
    pub fn encode(base: f32, columns: u32, trees: &[Tree<NODES>]) -> Vec<u8> {
        let mut file = Vec::with_capacity(HEADER + trees.len() * Self::TREE);
        file.extend_from_slice(MAGIC);
        for word in [1, trees.len() as u32, NODES as u32, columns, base.to_bits()] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for tree in trees {
            for (threshold, column) in tree.nodes {
                file.extend_from_slice(&threshold.to_le_bytes());
                file.extend_from_slice(&column.to_le_bytes());
            }
            tree.leaves.iter().for_each(|leaf| file.extend_from_slice(&leaf.to_le_bytes()));
        }
        file
    }

    /// Number of columns it takes.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.trees
    }

    /// Scores rows of [`columns`](Self::columns) values, which lie one after the other. The trees are added in their order, so that
    /// a row's score has the same bits in whatever company it comes.
    #[must_use]
    pub fn score(&self, rows: &[f32]) -> Vec<f32> {
        let mut scores = Vec::with_capacity(rows.len() / self.columns);
        let mut block = [[0.0; COLUMNS_MAX]; BLOCK];
        for part in rows.chunks(self.columns * BLOCK) {
            let count = part.len() / self.columns;
            for (padded, row) in block.iter_mut().zip(part.chunks_exact(self.columns)) {
                padded[..self.columns].copy_from_slice(row);
            }
            let first = scores.len();
            scores.resize(first + count, self.base);
            self.add_all(&block, &mut scores[first..]);
        }
        scores
    }

    /// Adds every tree to the sums of the first rows of the block.
    // A function of its own, so that its loop has the registers for itself: a tenth quicker in WASM.
    #[inline(never)]
    fn add_all(&self, block: &[Row; BLOCK], sums: &mut [f32]) {
        let trees = self.file.get(HEADER..).unwrap_or_default();
        for tree in trees.chunks_exact(Self::TREE) {
            let (nodes, leaves) = tree.split_at(NODES * size_of::<Node>());
            let (Ok(nodes), Ok(leaves)) = (nodes.as_chunks().0.try_into(), leaves.as_chunks().0.try_into()) else { continue };
            let (groups, rest) = block.split_at(sums.len() / ABREAST * ABREAST);
            let (group_sums, rest_sums) = sums.as_chunks_mut::<ABREAST>();
            for (rows, sums) in groups.as_chunks::<ABREAST>().0.iter().zip(group_sums) {
                walk::<NODES, ABREAST>(nodes, leaves, rows, sums, Self::STEPS);
            }
            for (row, sum) in rest.iter().zip(rest_sums) {
                walk::<NODES, 1>(nodes, leaves, std::array::from_ref(row), std::array::from_mut(sum), Self::STEPS);
            }
        }
    }
}

/// Adds to each sum the leaf its row falls into.
#[inline(always)]
fn walk<const NODES: usize, const ROWS: usize>(
    nodes: &[Node; NODES],
    leaves: &[Leaf; NODES],
    rows: &[Row; ROWS],
    sums: &mut [f32; ROWS],
    steps: u32,
) {
    // The masks show the compiler that no index can be out of bounds; the last one makes the index of a leaf. Threshold and column are read apart, so
    // that the first waits in a register for floats, of which there are enough.
    let goes_right = |[t0, t1, t2, t3, column, ..]: Node, row: &Row| {
        usize::from(row[usize::from(column) & (COLUMNS_MAX - 1)] > f32::from_le_bytes([t0, t1, t2, t3]))
    };
    // All rows are at the root, so it is read once.
    let mut at = [0; ROWS];
    for (at, row) in at.iter_mut().zip(rows) {
        *at = (2 + goes_right(nodes[1 & (NODES - 1)], row)) & (NODES - 1);
    }
    for _ in 1..steps {
        for (at, row) in at.iter_mut().zip(rows) {
            *at = (*at * 2 + goes_right(nodes[*at], row)) & (NODES - 1);
        }
    }
    for (sum, at) in sums.iter_mut().zip(at) {
        *sum += f32::from_le_bytes(leaves[at]);
    }
}

/// Why a file cannot be used as a forest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAForest {
    /// It does not begin as one.
    Magic,
    /// It has a newer format.
    Version(usize),
    /// Its trees have another size.
    Size {
        /// Leaves per tree in the file.
        nodes: usize,
        /// Columns in the file.
        columns: usize,
        /// Leaves per tree that this code was compiled for.
        expected: usize,
    },
    /// It is cut short or too long.
    Length {
        /// Trees according to the header.
        trees: usize,
        /// Bytes in all.
        came: usize,
    },
}

impl std::error::Error for NotAForest {}

impl fmt::Display for NotAForest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(f, "not a forest file: it does not begin with \"SSFOREST\" and a whole header"),
            Self::Version(version) => write!(f, "forest file of version {version}; version 1 is known"),
            Self::Size { nodes, columns, expected } => {
                write!(
                    f,
                    "forest of {nodes} leaves a tree and {columns} columns; {expected} leaves and 1 to {COLUMNS_MAX} columns fit"
                )
            }
            Self::Length { trees, came } => {
                write!(f, "forest file of {came} bytes: damaged, its {trees} trees need another length")
            }
        }
    }
}
