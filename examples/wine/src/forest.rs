//! The two forests: boosted trees that are small and good, and bagged trees that are big.

use sandstream_models::Tree;
use sandstream_models::wine::{BigForest, WineForest};

use crate::trees::{Grower, Rules};
use crate::{FEATURES, records};

const BOOSTED_TREES: usize = 100;
const LEARNING_RATE: f64 = 0.1;

/// Of 196,608 bytes each: 30 MB.
const BIG_TREES: usize = 153;

/// A trained forest and what its trainer predicts for the records, by its own way through the trees.
pub struct Trained {
    /// As `sandstream_models::Forest` parses it.
    pub file: Vec<u8>,
    /// One per record.
    pub predictions: Vec<f64>,
}

/// 100 trees of depth 6, each fitted to what those before it left over (Friedman 2001, least squares).
#[must_use]
pub fn train_forest() -> Trained {
    let rules = Rules { leaf_min: 5, columns_tried: FEATURES.len(), scale: LEARNING_RATE };
    let mut grower = Grower::new(0);
    let qualities = qualities();
    let base = (qualities.iter().sum::<f64>() / qualities.len() as f64) as f32;
    let mut predictions = vec![f64::from(base); qualities.len()];
    let mut trees: Vec<Tree<64>> = Vec::with_capacity(BOOSTED_TREES);
    for _ in 0..BOOSTED_TREES {
        let left: Vec<f64> = qualities.iter().zip(&predictions).map(|(quality, prediction)| quality - prediction).collect();
        let tree = *grower.grow(&left, (0..left.len()).collect(), rules);
        add(&tree, &mut predictions);
        trees.push(tree);
    }
    Trained { file: WineForest::encode(base, FEATURES.len() as u32, &trees), predictions }
}

/// A random forest (Breiman 2001) of trees so deep that the file has 30 MB, for trials of large artifacts. Not committed: make it
/// when it is needed, it takes seconds.
#[must_use]
pub fn train_big_forest() -> Trained {
    let rules = Rules { leaf_min: 1, columns_tried: 4, scale: 1.0 / BIG_TREES as f64 };
    let mut grower = Grower::new(1);
    let qualities = qualities();
    let mut predictions = vec![0.0; qualities.len()];
    let mut trees: Vec<Tree<16384>> = Vec::with_capacity(BIG_TREES);
    for _ in 0..BIG_TREES {
        let drawn = grower.bootstrap();
        let tree = grower.grow(&qualities, drawn, rules);
        add(&tree, &mut predictions);
        trees.push(*tree);
    }
    Trained { file: BigForest::encode(0.0, FEATURES.len() as u32, &trees), predictions }
}

fn qualities() -> Vec<f64> {
    records().iter().map(|wine| f64::from(wine.quality)).collect()
}

/// Adds a tree to the predictions, one node after the other.
fn add<const NODES: usize>(tree: &Tree<NODES>, predictions: &mut [f64]) {
    for (wine, prediction) in records().iter().zip(predictions) {
        let mut node = 1;
        while node < NODES {
            let (threshold, column) = tree.nodes[node];
            node = node * 2 + usize::from(wine.features[column as usize] as f32 > threshold);
        }
        *prediction += f64::from(tree.leaves[node - NODES]);
    }
}
