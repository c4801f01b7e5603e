//! What one stream does next about one data type: what is wanted, joined with how far its models are. A pure function.

use super::catalog::Wanted;
use crate::types::Revision;

/// How far a model is in one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not been prepared, or its version was let go.
    Untried,
    /// There is a version.
    Ready,
    /// It was rejected, quarantined or retired.
    Unfit,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// The version that answers from now on.
    pub(super) live: Option<Revision>,
    /// The model to be prepared next.
    pub(super) prepare: Option<Revision>,
    /// A version that is kept warm for the day the pin is lifted.
    pub(super) standby: Option<Revision>,
}

/// Makes the plan. `live` answers now, `previous` did before.
pub(super) fn plan(
    wanted: &Wanted,
    live: Option<Revision>,
    previous: Option<Revision>,
    standing: impl Fn(Revision) -> Standing,
) -> Plan {
    match wanted {
        Wanted::Latest(newest_first) => latest(newest_first, standing),
        Wanted::Pinned { pinned, standby } => self::pinned(*pinned, *standby, [live, previous], standing),
    }
}

/// The newest that is ready answers. Of those above it that were not tried yet, the newest is prepared; nothing below it is.
fn latest(newest_first: &[Revision], standing: impl Fn(Revision) -> Standing) -> Plan {
    let mut plan = Plan::default();
    for revision in newest_first {
        match standing(*revision) {
            Standing::Ready => return Plan { live: Some(*revision), ..plan },
            Standing::Untried if plan.prepare.is_none() => plan.prepare = Some(*revision),
            Standing::Untried | Standing::Unfit => {}
        }
    }
    plan
}

/// The pinned one answers, or else what answers now, or did before, goes on: a pin is never answered by a model that nobody
/// asked for. The standby is prepared once there is nothing to be done about the pinned one.
fn pinned(
    pinned: Revision,
    standby: Option<Revision>,
    fallbacks: [Option<Revision>; 2],
    standing: impl Fn(Revision) -> Standing,
) -> Plan {
    let ready = |revision: &Revision| standing(*revision) == Standing::Ready;
    let live = [Some(pinned)].into_iter().chain(fallbacks).flatten().find(ready);
    let untried = |revision: &Revision| standing(*revision) == Standing::Untried;
    let prepare = [Some(pinned), standby].into_iter().flatten().find(untried);
    Plan { live, prepare, standby: standby.filter(ready) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each case: what is wanted, what is live, what was before, ready and unfit revisions, and the plan `(live, prepare, standby)`.
    type Case = (Wanted, Option<u64>, Option<u64>, &'static [u64], &'static [u64], (Option<u64>, Option<u64>, Option<u64>));

    #[test]
    fn plans() {
        let latest = |newest_first: &[u64]| Wanted::Latest(newest_first.to_vec());
        let pinned = |pinned, standby| Wanted::Pinned { pinned, standby };
        let cases: [Case; 13] = [
            (latest(&[]), None, None, &[], &[], (None, None, None)),
            (latest(&[3, 2, 1]), None, None, &[], &[], (None, Some(3), None)),
            (latest(&[3, 2, 1]), None, None, &[], &[3], (None, Some(2), None)),
            (latest(&[3, 2, 1]), None, None, &[2], &[3], (Some(2), None, None)),
            (latest(&[4, 3, 2, 1]), Some(3), Some(2), &[3, 2], &[], (Some(3), Some(4), None)),
            (latest(&[4, 3, 2, 1]), Some(4), Some(3), &[3], &[4], (Some(3), None, None)),
            (latest(&[2, 1]), Some(3), Some(2), &[2], &[3], (Some(2), None, None)),
            (pinned(1, None), Some(3), Some(2), &[3, 2], &[], (Some(3), Some(1), None)),
            (pinned(1, None), Some(3), Some(2), &[3, 2, 1], &[], (Some(1), None, None)),
            (pinned(1, Some(4)), Some(1), Some(3), &[3, 1], &[], (Some(1), Some(4), None)),
            (pinned(1, Some(4)), Some(1), Some(3), &[4, 3, 1], &[], (Some(1), None, Some(4))),
            (pinned(1, Some(4)), Some(1), Some(3), &[4, 3], &[1], (Some(3), None, Some(4))),
            (pinned(1, None), None, None, &[], &[1], (None, None, None)),
        ];
        for (at, (wanted, live, previous, ready, unfit, expected)) in cases.into_iter().enumerate() {
            let standing = |revision| match (ready.contains(&revision), unfit.contains(&revision)) {
                (true, _) => Standing::Ready,
                (_, true) => Standing::Unfit,
                _ => Standing::Untried,
            };
            let got = plan(&wanted, live, previous, standing);
            assert_eq!((got.live, got.prepare, got.standby), expected, "case {at}: {wanted:?}");
        }
    }
}
