//! What hosts say on the status topic.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::types::Revision;
use crate::types::control::unescape;

/// One thing that one host says about one of its streams.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    /// `<instance>/<stream>`
    pub(super) place: String,
    pub(super) data_type: String,
    /// Of the model; `$refused` and `$deployment` are no models.
    pub(super) name: String,
    pub(super) version: String,
    pub(super) said: Said,
}

/// The value of a notice.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Said {
    pub(super) state: String,
    #[serde(default)]
    pub(super) stage: Option<String>,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) revision: Option<Revision>,
    #[serde(default)]
    pub(super) digest: Option<String>,
    /// Milliseconds since the epoch.
    #[serde(default)]
    pub(super) since: u64,
}

/// The name under which a refused record is spoken of.
pub(super) const REFUSED: &str = "$refused";
/// The name under which a deployment is spoken of.
pub(super) const DEPLOYMENT: &str = "$deployment";

impl Notice {
    /// Reads a record of the topic; `None` for what is none of these: a later host may say more than this program knows.
    pub(super) fn read(key: Option<&[u8]>, value: Option<&[u8]>) -> Option<Self> {
        let said: Said = serde_json::from_slice(value?).ok()?;
        let key = std::str::from_utf8(key?).ok()?;
        let [instance, stream, data_type, model] = key.split('/').collect::<Vec<_>>()[..] else { return None };
        let (name, version) = model.split_once('@')?;
        Some(Self {
            place: format!("{}/{}", unescape(instance)?, unescape(stream)?),
            data_type: unescape(data_type)?,
            name: unescape(name)?,
            version: unescape(version)?,
            said,
        })
    }

    /// The revision of the model it is about; `None` where it is about no model.
    pub(super) fn model(&self) -> Option<Revision> {
        self.said.revision.filter(|_| !self.name.starts_with('$'))
    }

    pub(super) fn is(&self, state: &str) -> bool {
        self.said.state == state
    }

    /// Whether the host will not use the model.
    pub(super) fn is_unfit(&self) -> bool {
        self.is("Rejected") || self.is("Quarantined")
    }
}

/// What every host said last.
#[derive(Default)]
pub(super) struct States {
    /// By data type, revision of the model, and place.
    models: BTreeMap<(String, Revision), BTreeMap<String, Notice>>,
}

impl States {
    pub(super) fn take(&mut self, notice: Option<Notice>) {
        let Some((notice, revision)) = notice.and_then(|notice| notice.model().map(|revision| (notice, revision))) else {
            return;
        };
        if notice.is("Live") {
            self.replace(&notice, revision);
        }
        let places = self.models.entry((notice.data_type.clone(), revision)).or_default();
        places.insert(notice.place.clone(), notice);
    }

    /// One version is live at a place. A host that was replaced while it was down has not said so of the one before.
    fn replace(&mut self, live: &Notice, revision: Revision) {
        let others = self.models.iter_mut().filter(|((of, at), _)| *of == live.data_type && *at != revision);
        let before = others.filter_map(|(_, places)| places.get_mut(&live.place)).filter(|notice| notice.is("Live"));
        for notice in before {
            notice.said.state = "Announced".to_owned();
            notice.said.reason = Some(format!("replaced by `{}@{}`", live.name, live.version));
        }
    }

    /// What is said of a model, by place.
    pub(super) fn of(&self, data_type: &str, revision: Revision) -> impl Iterator<Item = &Notice> {
        self.models.get(&(data_type.to_owned(), revision)).into_iter().flat_map(BTreeMap::values)
    }

    /// What one place says of a model.
    pub(super) fn at(&self, place: &str, data_type: &str, revision: Revision) -> Option<&Notice> {
        self.models.get(&(data_type.to_owned(), revision))?.get(place)
    }

    /// Places where some model of the data type is live.
    pub(super) fn places(&self, data_type: &str) -> BTreeSet<String> {
        let of_type = self.models.iter().filter(|((of, _), _)| of == data_type);
        let live = of_type.flat_map(|(_, places)| places.values()).filter(|notice| notice.is("Live"));
        live.map(|notice| notice.place.clone()).collect()
    }

    /// Models that some place has found unfit, and none fit.
    pub(super) fn unfit(&self) -> BTreeSet<Revision> {
        let all_unfit = |places: &BTreeMap<String, Notice>| {
            let fit = |notice: &Notice| notice.is("Live") || notice.is("Warm");
            places.values().any(Notice::is_unfit) && !places.values().any(fit)
        };
        self.models.iter().filter(|(_, places)| all_unfit(places)).map(|((_, revision), _)| *revision).collect()
    }
}
