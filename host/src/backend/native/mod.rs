//! Models as plain Rust: the second implementation of the seam. Tests and the simulation use it for its determinism, benches as
//! the baseline. It has no sandbox and no clock: a scorer that spins is not interrupted.

mod fake;

use std::any::Any;
use std::collections::HashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

pub use fake::Fake;

use super::{Backend, Fault, Model, Payload, Rejected, Session, Stage, check};
use crate::types::{Limits, RowView, Scores, Signature, TensorRef};

/// Scores rows. `x` holds exactly `rows` rows of each input; outputs are pushed to `y`, which comes empty. What it gives is
/// checked as a guest's is, and a panic is a trap.
pub trait Scorer: Send {
    /// Scores `rows` rows.
    ///
    /// # Errors
    /// Any fault; it is passed on as it is.
    fn score(&mut self, rows: u32, x: &[TensorRef<'_>], y: &mut Scores) -> Result<(), Fault>;
}

impl<F> Scorer for F
where
    F: FnMut(u32, &[TensorRef<'_>], &mut Scores) -> Result<(), Fault> + Send,
{
    fn score(&mut self, rows: u32, x: &[TensorRef<'_>], y: &mut Scores) -> Result<(), Fault> {
        self(rows, x, y)
    }
}

type Factory = Arc<dyn Fn(&Payload) -> Result<Box<dyn Scorer>, Fault> + Send + Sync>;

/// Plain Rust scorers by name. A payload's `data` is the name of one, or a text that [`Fake`] understands.
#[derive(Default)]
pub struct Native {
    scorers: HashMap<String, (Signature, Factory)>,
}

impl Native {
    /// Knows [`Fake`] and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a scorer; `factory` makes one for each session.
    #[must_use]
    pub fn register<S: Scorer + 'static>(
        mut self,
        name: &str,
        signature: Signature,
        factory: impl Fn(&Payload) -> Result<S, Fault> + Send + Sync + 'static,
    ) -> Self {
        let boxed: Factory = Arc::new(move |payload| Ok(Box::new(factory(payload)?)));
        self.scorers.insert(name.to_owned(), (signature, boxed));
        self
    }

    fn find(&self, name: &str) -> Result<(Signature, Factory), Rejected> {
        let rejected = |stage, reason| Rejected { stage, reason };
        if let Some(found) = self.scorers.get(name) {
            return Ok(found.clone());
        }
        let Some(fake) = Fake::parse(name) else {
            let reason = format!("expected the name of a native scorer or `fake:<k> ..`, got `{name}`");
            return Err(rejected(Stage::Verify, reason));
        };
        let fake = fake.map_err(|reason| rejected(Stage::Verify, reason))?;
        fake.load().map_err(|reason| rejected(Stage::Warm, reason))?;
        Ok((fake.signature(), Arc::new(move |_| Ok(Box::new(fake.session()?)))))
    }
}

impl Backend for Native {
    fn load(&self, what: &Payload, limits: &Limits) -> Result<Arc<dyn Model>, Rejected> {
        let name = String::from_utf8_lossy(&what.data);
        let (signature, factory) = self.find(name.trim())?;
        check::signature(&signature).map_err(|reason| Rejected { stage: Stage::Warm, reason })?;
        Ok(Arc::new(NativeModel { signature: Arc::new(signature), factory, payload: what.clone(), limits: limits.clone() }))
    }
}

struct NativeModel {
    signature: Arc<Signature>,
    factory: Factory,
    payload: Payload,
    limits: Limits,
}

impl Model for NativeModel {
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn session(&self, _until: Instant) -> Result<Box<dyn Session>, Fault> {
        let scorer = guarded(|| (self.factory)(&self.payload))?;
        let views = self.signature.inputs.iter().map(|_| RowView::default()).collect();
        Ok(Box::new(NativeSession { signature: Arc::clone(&self.signature), scorer, views, ended: false }))
    }
}

struct NativeSession {
    signature: Arc<Signature>,
    scorer: Box<dyn Scorer>,
    views: Vec<RowView>,
    ended: bool,
}

impl Session for NativeSession {
    fn score(&mut self, rows: Range<u32>, x: &[TensorRef<'_>], _until: Instant, y: &mut Scores) -> Result<(), Fault> {
        if self.ended {
            return Err(Fault::Trap("the session is beyond use after an earlier trap".to_owned()));
        }
        check::inputs(&self.signature, &rows, x)?;
        y.clear();
        let count = rows.end - rows.start;
        let given = self.views.iter_mut().zip(x).zip(&self.signature.inputs);
        let x: Vec<_> = given.map(|((view, x), input)| view.rows(*x, rows.clone(), input.fields.len())).collect();
        let done = guarded(|| self.scorer.score(count, &x, y)).and_then(|()| check::scores(&self.signature, count, y));
        self.ended = matches!(done, Err(Fault::Trap(_) | Fault::Late));
        done
    }
}

/// A panic of a scorer is its trap, not the host's end.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Fault::Trap(panic_words(panic.as_ref()))))
}

fn panic_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("(without a message)"))
}
