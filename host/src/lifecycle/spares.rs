//! Lanes take the spare session after a trap; here a new one is built, off the lanes and not faster than a backoff allows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::task::{Kind, Task};
use crate::registry::Version;

/// So many losses are made good at once: a lane without a session stands still, and whether a version is fit is seen only when the
/// poison in a batch has been told apart.
const AT_ONCE: u32 = 16;
/// The first wait after that; each loss soon after the last doubles it. It ends where it has done its work: a model that loses its
/// sessions one after the other costs a session a second and no more.
const WAIT_MIN: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(1);
/// A version that lost no session for so long starts anew.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// Versions that lost a session.
#[derive(Default)]
pub(super) struct Spares {
    wanted: Vec<Wanted>,
    building: bool,
}

struct Wanted {
    version: Arc<Version>,
    losses: u32,
    lost_at: Instant,
    not_before: Instant,
    open: bool,
}

impl Spares {
    /// A lane's session is beyond use.
    pub(super) fn lost(&mut self, version: &Arc<Version>, now: Instant) {
        if let Some(wanted) = self.wanted.iter_mut().find(|wanted| Arc::ptr_eq(&wanted.version, version)) {
            wanted.delay(now, AT_ONCE);
            wanted.open = true;
        } else {
            let version = version.clone();
            self.wanted.push(Wanted { version, losses: 0, lost_at: now, not_before: now, open: true });
        }
    }

    /// Forgets versions that are no longer `held`, so that they can be freed, and those whose last loss is long ago. One that is
    /// kept for a rollback is not forgotten: whoever took its spare has asked for another, and nobody would do so again.
    pub(super) fn retain(&mut self, now: Instant, held: impl Fn(&Arc<Version>) -> bool) {
        let recent = |wanted: &Wanted| wanted.open || now.saturating_duration_since(wanted.lost_at) < FORGIVEN_AFTER;
        self.wanted.retain(|wanted| held(&wanted.version) && recent(wanted));
    }

    /// The next session to build: one at a time.
    pub(super) fn next(&mut self, now: Instant) -> Option<Task> {
        if self.building {
            return None;
        }
        let wanted = self.wanted.iter().find(|wanted| wanted.open && wanted.not_before <= now)?;
        self.building = true;
        Some(Task(Kind::Spare { version: wanted.version.clone() }))
    }

    /// One was built, or could not be: then it is tried again later.
    pub(super) fn built(&mut self, version: &Arc<Version>, done: bool, now: Instant) {
        self.building = false;
        if let Some(wanted) = self.wanted.iter_mut().find(|wanted| Arc::ptr_eq(&wanted.version, version)) {
            wanted.open = !done;
            // What cannot be built is not tried again at once.
            if !done {
                wanted.delay(now, 0);
            }
        }
    }
}

impl Wanted {
    fn delay(&mut self, now: Instant, at_once: u32) {
        let quiet = now.saturating_duration_since(self.lost_at) >= FORGIVEN_AFTER;
        self.losses = if quiet { 0 } else { self.losses.saturating_add(1) };
        self.lost_at = now;
        let Some(doublings) = self.losses.checked_sub(at_once) else { return };
        let wait = WAIT_MIN.saturating_mul(1 << doublings.min(16)).min(WAIT_MAX);
        self.not_before = self.not_before.max(now + wait);
    }
}
