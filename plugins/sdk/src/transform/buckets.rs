//! Numbers to ranges.

/// `N` edges, ascending, that part the numbers into `N + 1` buckets. An edge belongs to the bucket above it, so bucket `i` is
/// `edges[i-1] <= x < edges[i]`; the first has no lower end and the last no upper one. numpy's `digitize(x, edges)` gives the same
/// numbers, and so does scikit-learn's `KBinsDiscretizer` with its inner edges, `bin_edges_[0][1:-1]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Buckets<const N: usize> {
    edges: [f64; N],
}

impl<const N: usize> Buckets<N> {
    /// For these edges.
    #[must_use]
    pub const fn new(edges: [f64; N]) -> Self {
        Self { edges }
    }

    /// The number's bucket: how many edges it has reached. NaN is in none.
    // Counted, not searched: edges are few, and a count has no branches.
    #[inline]
    #[must_use]
    pub fn index(&self, value: impl Into<f64>) -> Option<usize> {
        let value = value.into();
        (!value.is_nan()).then(|| self.edges.iter().map(|edge| usize::from(*edge <= value)).sum())
    }
}
