//! What follows from a seed before anything runs: topology, records, models, rates of faults.

use std::time::Duration;

use sandstream::stream::Delivery;
use sandstream::stream::memory::Rates;
use sandstream::types::Limits;

use super::link::Sabotage;

/// Values that every model has a fixed answer to.
pub(crate) const TRAP: u32 = 13;
pub(crate) const LATE: u32 = 9;
pub(crate) const REJECT: u32 = 4;
pub(crate) const REFUSE: u32 = 5;
pub(crate) const SHAPE: u32 = 6;
/// All values are below this.
pub(crate) const VALUES: u32 = 20;

/// Names of data types; a stream declares the first few.
pub(crate) const TYPES: [&str; 3] = ["wine", "beer", "milk"];
/// A data type no stream declares.
pub(crate) const UNDECLARED: &str = "sand";

/// One schedule's world.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) delivery: Delivery,
    /// Partitions of each input topic.
    pub(crate) inputs: Vec<i32>,
    pub(crate) types: usize,
    /// Lanes of each host.
    pub(crate) hosts: Vec<usize>,
    /// Ticks with faults.
    pub(crate) ticks: usize,
    pub(crate) fetch_max: usize,
    pub(crate) batch_max: usize,
    pub(crate) rates: Rates,
    pub(crate) limits: Limits,
    /// Of 100 records so many are ones no model can score.
    pub(crate) poison: u32,
    /// Of 100 announced models so many trap on everything; then there is no poison, and one trap is too many.
    pub(crate) unfit: u32,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Plan {
    pub(crate) fn of(rng: &mut fastrand::Rng) -> Self {
        let inputs = (0..rng.usize(1..=2)).map(|_| rng.i32(1..=4)).collect();
        let hosts = (0..rng.usize(1..=3)).map(|_| rng.usize(1..=2)).collect();
        let unfit = if rng.u32(0..6) == 0 { 30 } else { 0 };
        let slow = rng.u32(0..4) == 0;
        let per_row = if slow { Duration::from_millis(rng.u64(50..400)) } else { Duration::from_micros(50) };
        let mut rate = |most: u16| if rng.bool() { rng.u16(0..most) } else { 0 };
        let rates = Rates {
            send: rate(100),
            commit_refused: rate(2000),
            commit_applied: rate(2000),
            commit_unapplied: rate(2000),
            abort: rate(4000),
            fill: rate(300),
            expelled: rate(400),
        };
        Self {
            delivery: if rng.u32(0..8) == 0 { Delivery::AtLeastOnce } else { Delivery::ExactlyOnce },
            inputs,
            types: rng.usize(1..=TYPES.len()),
            hosts,
            ticks: rng.usize(100..400),
            fetch_max: rng.usize(1..30),
            batch_max: rng.usize(1..64),
            rates,
            limits: Limits { call_per_row: per_row, ..Limits::default() },
            poison: if unfit > 0 { 0 } else { [0, 1, 5][rng.usize(0..3)] },
            unfit,
            sabotage: None,
        }
    }
}

/// A model as it is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) revision: u64,
    pub(crate) fit: bool,
}

impl Model {
    /// Its description for the native fake: y = revision + x.
    pub(crate) fn words(&self) -> String {
        let mut words = format!("fake:{}", self.revision);
        if self.fit {
            words += &format!(" trap-on:{TRAP} late-on:{LATE} reject-on:{REJECT} refuse-on:{REFUSE} shape-on:{SHAPE}");
        } else {
            (0..VALUES).for_each(|value| words += &format!(" trap-on:{value}"));
        }
        words
    }
}
