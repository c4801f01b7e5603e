//! What the control log asks for. A pure function of the log: every host that has read as far holds the same catalog, whatever
//! its clock, its disk or its compiler did. What a host makes of it is in `plan`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::watch::{Announced, Change, Order, Refused, Strategy};
use crate::types::{Digest, ModelId, Revision};

/// All data types the log speaks of.
#[derive(Default)]
pub struct Catalog {
    types: BTreeMap<String, DataType>,
    revision: Revision,
}

/// One data type.
#[derive(Default)]
struct DataType {
    /// Models that are announced and not retired, by revision.
    models: BTreeMap<Revision, Arc<Announced>>,
    /// Every `name`, `version` that was ever taken: a version means the same bytes for ever, retired or not.
    taken: HashMap<(String, String), (Revision, Option<Digest>)>,
    deployment: Deployment,
    /// A deployment whose model is absent; the one in force stays until the model is announced.
    pending: Option<Deployment>,
    labels: BTreeMap<String, (String, String)>,
    /// Revision of the last record that changed something here: what `expects` is compared with.
    changed: Option<Revision>,
}

/// A strategy and the record that asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Deployment {
    /// How the version is chosen.
    pub strategy: Strategy,
    /// Offset of the record; `None`: no record asked for it, it is the default.
    pub revision: Option<Revision>,
}

/// What an order came to.
#[derive(Debug, Clone)]
pub enum Effect {
    /// A model is new.
    Announced(Arc<Announced>),
    /// What was published is there already, at this revision.
    Again(Revision),
    /// The model of this revision is gone.
    Retired(Revision),
    /// Which versions answer has been asked for again.
    Deployed,
    /// A label was set or removed.
    Labelled,
}

/// What a data type's deployment in force refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The first of these that is fit; newest first.
    Latest(Vec<Revision>),
    /// This one.
    Pinned {
        /// The model that is pinned.
        pinned: Revision,
        /// The newest model announced since it was pinned: it is made ready and does not answer.
        standby: Option<Revision>,
    },
}

impl Catalog {
    /// Applies an order.
    ///
    /// # Errors
    /// The order is stale, or a version that was announced means other bytes.
    pub fn apply(&mut self, order: Order) -> Result<Effect, Refused> {
        let Order { revision, expects, change } = order;
        self.revision = self.revision.max(revision);
        let (data_type, id) = subject(&change);
        let refused = |reason| Refused { revision, data_type: Some(data_type.clone()), id, reason };
        let entry = self.types.entry(data_type.clone()).or_default();
        if let Some(reason) = entry.stale(expects) {
            return Err(refused(reason));
        }
        let effect = match change {
            Change::Announce(announced) => entry.announce(announced).map_err(refused)?,
            Change::Retire(id) => entry.retire(&id).map_err(refused)?,
            Change::Deploy { strategy, .. } => entry.deploy(Deployment { strategy, revision: Some(revision) }),
            Change::Label { label, model, .. } => entry.label(label, model),
        };
        if !matches!(effect, Effect::Again(_)) {
            entry.changed = Some(revision);
        }
        Ok(effect)
    }

    /// Offset of the last record applied.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What is asked for of a data type.
    #[must_use]
    pub fn wanted(&self, data_type: &str) -> Wanted {
        self.types.get(data_type).map_or(Wanted::Latest(Vec::new()), DataType::wanted)
    }

    /// The deployment in force, and the one that waits for its model.
    #[must_use]
    pub fn deployment(&self, data_type: &str) -> (Deployment, Option<Deployment>) {
        self.types.get(data_type).map(|entry| (entry.deployment.clone(), entry.pending.clone())).unwrap_or_default()
    }

    /// The name and version a label stands for.
    #[must_use]
    pub fn label(&self, data_type: &str, label: &str) -> Option<&(String, String)> {
        self.types.get(data_type)?.labels.get(label)
    }

    /// Names of the data types it speaks of.
    pub fn data_types(&self) -> impl Iterator<Item = &str> {
        self.types.keys().map(String::as_str)
    }

    /// All labels of a data type with the names and versions they stand for.
    pub fn labels(&self, data_type: &str) -> impl Iterator<Item = (&str, &(String, String))> {
        self.types.get(data_type).into_iter().flat_map(|entry| entry.labels.iter().map(|(label, model)| (label.as_str(), model)))
    }

    /// The size of the chunks in which a payload or an artifact is that has this digest; `None` where none is in chunks.
    #[must_use]
    pub fn chunk_bytes(&self, digest: Digest) -> Option<usize> {
        self.types.values().flat_map(|entry| entry.models.values()).find_map(|model| model.chunk_bytes(digest))
    }

    /// Models announced and not retired, oldest first.
    pub fn models(&self, data_type: &str) -> impl Iterator<Item = &Arc<Announced>> {
        self.types.get(data_type).into_iter().flat_map(|entry| entry.models.values())
    }
}

fn subject(change: &Change) -> (String, Option<ModelId>) {
    let id = match change {
        Change::Announce(announced) => Some(announced.id.clone()),
        Change::Retire(id) => Some(id.clone()),
        Change::Deploy { .. } | Change::Label { .. } => None,
    };
    (change.data_type().to_owned(), id)
}

impl DataType {
    fn stale(&self, expects: Option<Revision>) -> Option<String> {
        let (expects, changed) = (expects?, self.changed?);
        (changed > expects).then(|| {
            format!("its writer had seen revision {expects}, but the data type changed at revision {changed}; look again and repeat it")
        })
    }

    fn announce(&mut self, announced: Arc<Announced>) -> Result<Effect, String> {
        if let Some(newest) = self.models.values().next_back()
            && !announced.versioned
            && newest.id.name == announced.id.name
            && same_bytes(newest.digest, announced.digest)
            && newest.has_goldens_of(&announced)
        {
            return Ok(self.again(newest.revision, &announced));
        }
        let key = (announced.id.name.clone(), announced.id.version.clone());
        if let Some((revision, digest)) = self.taken.get(&key) {
            if !same_bytes(*digest, announced.digest) {
                return Err(taken(&announced, *revision, *digest));
            }
            if self.models.contains_key(revision) {
                return Ok(self.again(*revision, &announced));
            }
        }
        self.taken.insert(key, (announced.revision, announced.digest));
        self.models.insert(announced.revision, announced.clone());
        self.settle();
        Ok(Effect::Announced(announced))
    }

    /// Nothing changes but where the bytes are.
    fn again(&mut self, revision: Revision, announced: &Announced) -> Effect {
        if let Some(model) = self.models.get_mut(&revision)
            && let Some(moved) = model.at(announced)
        {
            *model = Arc::new(moved);
        }
        Effect::Again(revision)
    }

    fn retire(&mut self, id: &ModelId) -> Result<Effect, String> {
        let revision = self.find(&id.name, &id.version).ok_or_else(|| format!("there is no model `{id}` to retire"))?;
        self.models.remove(&revision);
        self.settle();
        Ok(Effect::Retired(revision))
    }

    fn deploy(&mut self, deployment: Deployment) -> Effect {
        self.pending = Some(deployment);
        self.settle();
        Effect::Deployed
    }

    fn label(&mut self, label: String, model: Option<(String, String)>) -> Effect {
        match model {
            Some(model) => self.labels.insert(label, model),
            None => self.labels.remove(&label),
        };
        Effect::Labelled
    }

    /// Puts the pending deployment in force as soon as its model is there. A pin whose model is retired waits for it again, and
    /// the latest model answers meanwhile.
    fn settle(&mut self) {
        if !self.present(&self.deployment.strategy) {
            let lost = std::mem::take(&mut self.deployment);
            self.pending.get_or_insert(lost);
        }
        if let Some(pending) = self.pending.take() {
            match self.present(&pending.strategy) {
                true => self.deployment = pending,
                false => self.pending = Some(pending),
            }
        }
    }

    fn present(&self, strategy: &Strategy) -> bool {
        match strategy {
            Strategy::Latest => true,
            Strategy::Pinned { name, version } => self.find(name, version).is_some(),
        }
    }

    fn find(&self, name: &str, version: &str) -> Option<Revision> {
        let is = |id: &ModelId| id.name == name && id.version == version;
        self.models.values().rev().find(|model| is(&model.id)).map(|model| model.revision)
    }

    fn wanted(&self) -> Wanted {
        let newest_first = self.models.keys().rev().copied();
        let pinned = match &self.deployment.strategy {
            Strategy::Latest => None,
            Strategy::Pinned { name, version } => self.find(name, version),
        };
        let Some(pinned) = pinned else { return Wanted::Latest(newest_first.collect()) };
        let since = self.deployment.revision.unwrap_or(0);
        let standby = newest_first.take_while(|revision| *revision > since).find(|revision| *revision != pinned);
        Wanted::Pinned { pinned, standby }
    }
}

fn same_bytes(a: Option<Digest>, b: Option<Digest>) -> bool {
    a.is_some() && a == b
}

fn taken(announced: &Announced, revision: Revision, digest: Option<Digest>) -> String {
    let shown = |digest: Option<Digest>| digest.map_or_else(|| "an unknown digest".to_owned(), |digest| digest.to_string());
    format!(
        "`{}` was announced at revision {revision} with {}, and now comes with {}; publish other bytes under another version",
        announced.id,
        shown(digest),
        shown(announced.digest)
    )
}
