//! The control log for those who load nothing: what it asks for now, and which versions it made live on the way there.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Catalog, Effect, Wanted};
use super::watch::{Refused, Watch};
use crate::stream::Entry;
use crate::types::Revision;

/// A control log, read record by record. It obeys the same rules as every host's, so it knows what a record comes to before any
/// host has said so.
pub struct History {
    watch: Watch,
    catalog: Catalog,
    /// Models that hosts have refused or quarantined: they were never live, or should not have been.
    unfit: BTreeSet<Revision>,
    /// By data type: the revision that is live, and below it those one would go back to, the last one first.
    lives: BTreeMap<String, Vec<Revision>>,
}

impl History {
    /// Nothing has been read yet. `unfit` are the revisions that hosts have rejected or quarantined.
    #[must_use]
    pub fn new(unfit: BTreeSet<Revision>) -> Self {
        Self { watch: Watch::without_bytes(), catalog: Catalog::default(), unfit, lives: BTreeMap::new() }
    }

    /// Takes the next record and says what it came to.
    ///
    /// # Errors
    /// The record changes nothing; why.
    pub fn read(&mut self, entry: Entry) -> Result<Effect, Refused> {
        let order = self.watch.read(entry)?;
        let data_type = order.change.data_type().to_owned();
        let effect = self.catalog.apply(order)?;
        if let Some(live) = self.asked_for(&data_type) {
            follow(self.lives.entry(data_type).or_default(), live);
        }
        Ok(effect)
    }

    /// What the log asks for.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The version that the log makes live, where every host that tries it finds it fit.
    #[must_use]
    pub fn live(&self, data_type: &str) -> Option<Revision> {
        self.asked_for(data_type)
    }

    /// The version that was live before the one that is. Going back twice goes back two steps, not forward again: a version that
    /// was rolled back from is not what anyone would go back to.
    #[must_use]
    pub fn before(&self, data_type: &str) -> Option<Revision> {
        let live = self.asked_for(data_type)?;
        let there = |revision: &&Revision| self.catalog.models(data_type).any(|model| model.revision == **revision);
        let others = self.lives.get(data_type)?.iter().rev().filter(|revision| **revision != live);
        others.filter(|revision| !self.unfit.contains(revision)).find(there).copied()
    }

    fn asked_for(&self, data_type: &str) -> Option<Revision> {
        match self.catalog.wanted(data_type) {
            Wanted::Pinned { pinned, .. } => Some(pinned),
            Wanted::Latest(newest_first) => newest_first.into_iter().find(|revision| !self.unfit.contains(revision)),
        }
    }
}

/// `live` is what answers now: on top, and nothing above it.
fn follow(lives: &mut Vec<Revision>, live: Revision) {
    match lives.iter().position(|revision| *revision == live) {
        Some(at) => lives.truncate(at + 1),
        None => lives.push(live),
    }
}
