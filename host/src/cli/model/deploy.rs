//! Deployments: which version answers for a data type. Rolling back and unpinning are records of this kind.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use prost::Message as _;

use super::log::{Log, Write};
use super::status::{DEPLOYMENT, Notice, REFUSED, States};
use super::wait::{self, Answer, Answers, Judged, Outcome};
use crate::lifecycle::{Effect, Refused, Wanted};
use crate::types::Revision;
use crate::types::control::Key;
use crate::types::proto::Deployment;
use crate::types::proto::deployment::{Latest, Pinned, Strategy, strategy::Kind};

/// Asks for the latest version.
pub(super) fn latest() -> Kind {
    Kind::Latest(Latest {})
}

/// Asks for one version.
pub(super) fn pinned(name: &str, version: &str) -> Kind {
    Kind::Pinned(Pinned { name: name.to_owned(), version: version.to_owned() })
}

/// Writes a deployment, and has it refused everywhere if the data type has changed since revision `expects`.
pub(super) fn write(
    log: &mut Log,
    data_type: &str,
    kind: Kind,
    expects: Revision,
) -> Result<(Revision, Result<Effect, Refused>)> {
    let value = Deployment { data_type: data_type.to_owned(), strategy: Some(Strategy { kind: Some(kind) }) };
    let key = Key::Deployment { data_type: data_type.to_owned() };
    log.write(Write { key: Some(&key), value: Some(&value.encode_to_vec()), expects: Some(expects) })
}

/// Waits until every host that has seen the deployment of `revision` has the version live that it asks for.
pub(super) fn wait(log: &mut Log, data_type: &str, revision: Revision, patience: Duration) -> Result<Answers> {
    let wanted = log.history.catalog().wanted(data_type);
    let mut seen = BTreeSet::new();
    wait::answers(log, data_type, patience, Answers::new(), |states, notice| {
        let about_it = notice.said.revision == Some(revision);
        if about_it && notice.name == REFUSED {
            return Judged::Final(Answer::of(Outcome::Failed, notice));
        }
        if about_it && notice.name == DEPLOYMENT {
            seen.insert(notice.place.clone());
            if notice.is("Pending") {
                return Judged::Final(Answer::of(Outcome::Held, notice));
            }
        }
        if !seen.contains(&notice.place) {
            return Judged::Nothing;
        }
        in_force(states, notice, data_type, &wanted)
    })
}

/// Whether the version that is wanted is live at the place that has spoken.
fn in_force(states: &States, notice: &Notice, data_type: &str, wanted: &Wanted) -> Judged {
    let at = |revision: Revision| states.at(&notice.place, data_type, revision);
    let target = match wanted {
        Wanted::Pinned { pinned, .. } => Some(*pinned),
        Wanted::Latest(newest_first) => {
            newest_first.iter().copied().find(|revision| at(*revision).is_none_or(|notice| !notice.is_unfit()))
        }
    };
    match target.map(at) {
        None => Judged::Final(Answer {
            reason: Some("there is no model that is fit".to_owned()),
            ..Answer::of(Outcome::Held, notice)
        }),
        Some(Some(model)) if model.is("Live") => Judged::Final(Answer::of(Outcome::Done, model)),
        Some(Some(model)) if model.is_unfit() => Judged::Final(Answer::of(Outcome::Failed, model)),
        Some(model) => Judged::Pending(Answer::of(Outcome::Held, model.unwrap_or(notice))),
    }
}
