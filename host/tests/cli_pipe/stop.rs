//! A signal ends a pipe when what it had taken is answered, and never later than that.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::site::{Site, check, records};
use crate::support::program::PATIENCE;

/// Waits until this number has not changed for a while.
fn stands_still(count: &AtomicUsize) {
    const WHILE: Duration = Duration::from_millis(300);
    let until = Instant::now() + PATIENCE;
    let (mut last, mut since) = (0, Instant::now());
    while last == 0 || since.elapsed() < WHILE {
        let now = count.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(Instant::now() < until, "{last} bytes so far");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

#[test]
fn a_signal_ends_it_when_what_was_read_is_answered() {
    let site = Site::new(&["wine-linear"]);
    let mut pipe = site.start(&[]);
    pipe.send(&records(0, 10));
    check(&pipe.results(10), 0, "wine-linear");
    pipe.stop();
    let status = pipe.child.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{}", fs::read_to_string(&pipe.log).unwrap());
}

/// Nobody reads the results, so all that is between stdin and stdout fills up. What the pipe took out of stdin by then is what the
/// test does not find there any more.
#[test]
fn a_signal_loses_nothing_that_was_taken_from_a_pipe() {
    let site = Site::new(&["wine-linear"]);
    let (stdin, mut into) = std::io::pipe().unwrap();
    let mut left = stdin.try_clone().unwrap();
    let mut pipe = site.start_on(stdin, &[]);
    pipe.until(&["wine-linear", "state=Live"]);
    let (all, sent) = (records(0, 20_000), AtomicUsize::new(0));
    let rest = std::thread::scope(|scope| {
        let (all, sent) = (&all, &sent);
        scope.spawn(move || {
            for part in all.chunks(4096) {
                into.write_all(part).unwrap();
                sent.fetch_add(part.len(), Ordering::Relaxed);
            }
        });
        stands_still(sent);
        pipe.stop();
        let (code, results) = pipe.rest();
        assert_eq!(code, Some(0), "{}", pipe.log());
        let mut rest = Vec::new();
        left.read_to_end(&mut rest).unwrap();
        let taken = &all[..all.len() - rest.len()];
        assert_eq!(results.len(), taken.split(|byte| *byte == b'\n').count() - 1, "{} bytes were taken", taken.len());
        check(&results, 0, "wine-linear");
        rest
    });
    assert!(!rest.is_empty() && rest.len() < all.len(), "{} bytes of {} were left", rest.len(), all.len());
}

/// From stdin as with --input: the first file is not read to its end when the signal comes, the second one is.
#[test]
fn a_signal_leaves_the_rest_of_a_file() {
    let site = Site::new(&["wine-linear"]);
    for (count, by_name) in [(20_000, false), (20_000, true), (1_000, false)] {
        let file = site.write("in.jsonl", &records(0, count));
        let words: &[&str] = if by_name { &["--input", &file] } else { &[] };
        let mut pipe = site.start_on(File::open(&file).unwrap(), words);
        pipe.until(&["wine-linear", "state=Live"]);
        pipe.stop();
        let (code, results) = pipe.rest();
        let log = pipe.log();
        check(&results, 0, "wine-linear");
        if count == 1_000 {
            assert_eq!((code, results.len()), (Some(0), count), "{log}");
        } else {
            assert!(code == Some(1) && results.len() < count, "{code:?}, {} results: {log}", results.len());
            let expected = format!("stopped by a signal: {} records are answered", results.len());
            assert!(log.contains(&expected), "no `{expected}` in {log}");
        }
    }
}

#[test]
fn a_signal_does_not_wait_for_a_model_that_cannot_come() {
    let site = Site::new(&[]);
    site.write("models/broken.wasm", b"\0asm, as far as one can see");
    let mut pipe = site.start(&[]);
    pipe.send(&records(0, 10));
    pipe.until(&["WARN", "broken", "state=\"Rejected\""]);
    let began = Instant::now();
    pipe.stop();
    let (code, results) = pipe.rest();
    assert_eq!((code, results.len()), (Some(1), 0), "{}", pipe.log());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let log = fs::read_to_string(&pipe.log).unwrap();
    assert!(log.contains("stopped: 0 records are answered, the next 10 wait: waiting for a model of wine"), "{log}");
}
