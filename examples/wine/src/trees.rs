//! Growing regression trees: exact splits by squared error, on features rounded to 32 bits, as the models see them.

use sandstream_models::Tree;

use crate::{FEATURES, matrix};

const COLUMNS: usize = FEATURES.len();

/// How trees are grown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// A leaf has at least so many records.
    pub(crate) leaf_min: usize,
    /// Columns tried at a node; fewer than there are make trees differ.
    pub(crate) columns_tried: usize,
    /// Every leaf is multiplied by this.
    pub(crate) scale: f64,
}

/// The records, by column.
pub(crate) struct Grower {
    columns: [Vec<f32>; COLUMNS],
    random: Random,
}

/// A node that is still to be split or closed.
struct Split {
    column: usize,
    threshold: f32,
    gain: f64,
}

impl Grower {
    pub(crate) fn new(seed: u64) -> Self {
        let x = matrix();
        let columns = std::array::from_fn(|column| x.iter().skip(column).step_by(COLUMNS).copied().collect());
        Self { columns, random: Random(seed) }
    }

    pub(crate) fn records(&self) -> usize {
        self.columns[0].len()
    }

    /// As many records as there are, drawn with replacement.
    pub(crate) fn bootstrap(&mut self) -> Vec<usize> {
        let count = self.records();
        (0..count).map(|_| self.random.below(count)).collect()
    }

    /// A tree that predicts `targets` on these records.
    pub(crate) fn grow<const NODES: usize>(&mut self, targets: &[f64], records: Vec<usize>, rules: Rules) -> Box<Tree<NODES>> {
        // Where a branch ended nothing is above the threshold, so everything goes left; all leaves there are equal anyway.
        let mut tree = Box::new(Tree { nodes: [(f32::INFINITY, 0); NODES], leaves: [0.0; NODES] });
        self.branch(&mut tree, 1, targets, records, rules);
        tree
    }

    fn branch<const NODES: usize>(
        &mut self,
        tree: &mut Tree<NODES>,
        node: usize,
        targets: &[f64],
        records: Vec<usize>,
        rules: Rules,
    ) {
        let last_level = node >= NODES;
        let split = if last_level { None } else { self.best_split(targets, &records, rules) };
        let Some(split) = split else {
            let mean = records.iter().map(|&record| targets[record]).sum::<f64>() / records.len().max(1) as f64;
            fill(tree, node, (mean * rules.scale) as f32);
            return;
        };
        tree.nodes[node] = (split.threshold, split.column as u32);
        let values = &self.columns[split.column];
        let (right, left): (Vec<_>, Vec<_>) = records.into_iter().partition(|&record| values[record] > split.threshold);
        self.branch(tree, node * 2, targets, left, rules);
        self.branch(tree, node * 2 + 1, targets, right, rules);
    }

    fn best_split(&mut self, targets: &[f64], records: &[usize], rules: Rules) -> Option<Split> {
        let mut columns: [usize; COLUMNS] = std::array::from_fn(|column| column);
        if rules.columns_tried < COLUMNS {
            for i in 0..rules.columns_tried {
                columns.swap(i, i + self.random.below(COLUMNS - i));
            }
        }
        let tried = columns[..rules.columns_tried.min(COLUMNS)].iter();
        let splits = tried.filter_map(|&column| self.best_split_of(column, targets, records, rules.leaf_min));
        // The first of equals wins, so that the result does not depend on how the maximum is searched.
        splits.reduce(|best, split| if split.gain > best.gain { split } else { best })
    }

    fn best_split_of(&self, column: usize, targets: &[f64], records: &[usize], leaf_min: usize) -> Option<Split> {
        let values = &self.columns[column];
        let mut sorted = records.to_vec();
        sorted.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
        let (count, total) = (sorted.len(), records.iter().map(|&record| targets[record]).sum::<f64>());
        let mut best: Option<Split> = None;
        let mut left_sum = 0.0;
        for (i, pair) in sorted.windows(2).enumerate() {
            let (here, next, left) = (values[pair[0]], values[pair[1]], i + 1);
            left_sum += targets[pair[0]];
            if here == next || left < leaf_min || count - left < leaf_min {
                continue;
            }
            let right_sum = total - left_sum;
            let explained = left_sum * left_sum / left as f64 + right_sum * right_sum / (count - left) as f64;
            let gain = explained - total * total / count as f64;
            if gain > best.as_ref().map_or(1e-9, |best| best.gain) {
                // Half way between the two; where rounding would put it on the upper one, the lower separates them as well.
                let middle = here + (next - here) / 2.0;
                best = Some(Split { column, threshold: if middle < next { middle } else { here }, gain });
            }
        }
        best
    }
}

/// Gives every leaf below `node` this value.
fn fill<const NODES: usize>(tree: &mut Tree<NODES>, node: usize, value: f32) {
    let (mut first, mut count) = (node, 1);
    while first < NODES {
        (first, count) = (first * 2, count * 2);
    }
    tree.leaves[first - NODES..][..count].fill(value);
}

/// Splitmix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}
