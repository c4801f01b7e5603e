//! Lines: the story as it is told, and one line a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::board::{Board, Seen};

pub(super) fn show(board: &Board, stop: &AtomicBool) {
    let first = board.seen();
    println!("{}, one host of one lane, admin on http://{}\n", first.broker, first.admin);
    let (mut said, mut seconds) = (0, 0);
    loop {
        let last = stop.load(Ordering::Relaxed);
        let seen = board.seen();
        let fresh = seen.said - said;
        for line in seen.lines.iter().skip(seen.lines.len().saturating_sub(fresh)) {
            let title = line.starts_with('#');
            println!("{}{line}", if title { "\n" } else { "" });
        }
        said = seen.said;
        if seen.seconds > seconds {
            seconds = seen.seconds;
            println!("{}", line(&seen));
        }
        if last {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn line(seen: &Seen) -> String {
    let models: Vec<String> = seen.by_model_now.iter().map(|(model, results)| format!("{model} {results}")).collect();
    format!(
        "{:>4} s  {:>8} results  {:>5} dead letters  p50 {:>6.1} ms  p99 {:>6.1} ms  {}",
        seen.elapsed.as_secs(),
        seen.results,
        seen.dead_letters,
        seen.p50_ms,
        seen.p99_ms,
        match (models.is_empty(), seen.results) {
            (true, 0) => "no model yet: records wait".to_owned(),
            (true, _) => "no results in this second".to_owned(),
            (false, _) => models.join(", "),
        }
    )
}
