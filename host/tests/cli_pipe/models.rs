//! Models that come, are broken, are replaced, move and go while records come in.

use std::fs;
use std::time::{Duration, Instant};

use crate::site::{Site, check, records};
use crate::support::program::guest;

#[test]
fn models_come_are_broken_are_replaced_and_go() {
    let site = Site::new(&["wine-linear"]);
    let mut pipe = site.start(&["--wait", "1s"]);
    pipe.send(&records(0, 100));
    check(&pipe.results(100), 0, "wine-linear");

    // Half a file is no model, and a file that was written to a moment ago may be half of one.
    let forest = fs::read(guest("wine-forest")).unwrap();
    site.write("models/wine-forest.wasm", &forest[..forest.len() / 2]);
    pipe.until(&["WARN", "wine-forest", "state=\"Rejected\"", "reason="]);
    pipe.send(&records(100, 200));
    check(&pipe.results(100), 100, "wine-linear");

    site.add("wine-forest");
    pipe.until(&["wine-forest", "state=Live"]);
    pipe.send(&records(200, 300));
    check(&pipe.results(100), 200, "wine-forest");

    fs::remove_file(site.path("models/wine-forest.wasm")).unwrap();
    pipe.until(&["wine-linear", "state=Live", "revision=0"]);
    pipe.until(&["wine-forest", "state=Retired"]);
    pipe.send(&records(300, 400));
    check(&pipe.results(100), 300, "wine-linear");

    fs::remove_file(site.path("models/wine-linear.wasm")).unwrap();
    pipe.until(&["wine-linear", "state=Retired"]);
    pipe.send(&records(400, 401));
    let (status, log) = pipe.end();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("400 records are answered, the next 1 wait: waiting for a model of wine"), "{log}");
}

/// A file whose name has a version is caught half-written, replaced in place, and comes back after it was removed.
#[test]
fn a_version_that_gets_other_bytes_gets_a_number() {
    let site = Site::new(&[]);
    let (linear, forest) = (fs::read(guest("wine-linear")).unwrap(), fs::read(guest("wine-forest")).unwrap());
    let mut pipe = site.start(&[]);
    site.write("models/wine@1.wasm", &linear[..linear.len() / 2]);
    pipe.until(&["WARN", "wine@1", "state=\"Rejected\""]);
    let mut expect = |version: &str, revision: u64| {
        pipe.until(&[&format!("wine@{version} "), "state=Live", &format!("revision={revision} ")]);
        pipe.send(&records(0, 1));
        let results = pipe.results(1);
        assert_eq!((&results[0]["version"], &results[0]["revision"]), (&version.into(), &revision.into()), "{results:?}");
    };
    site.write("models/wine@1.wasm", &linear);
    expect("1-2", 1);
    site.write("models/wine@1.wasm", &forest);
    expect("1-3", 2);
    site.write("models/wine@1.wasm", &linear);
    expect("1-4", 3);
    fs::remove_file(site.path("models/wine@1.wasm")).unwrap();
    pipe.until(&["wine@1-4", "state=Retired"]);
    // Four versions went; these bytes were the second one, and are it again.
    site.write("models/wine@1.wasm", &linear);
    pipe.until(&["wine@1-2 ", "state=Live", "revision=8 "]);
    pipe.send(&records(0, 1));
    assert_eq!(pipe.results(1)[0]["version"], "1-2");
    assert!(pipe.end().0.success());
}

#[test]
fn a_model_that_moves_stays_and_one_that_is_there_twice_is_said() {
    let site = Site::new(&["wine-linear"]);
    let (above, below) = (site.path("models/wine-linear.wasm"), site.path("models/wine/wine-linear.wasm"));
    fs::create_dir(site.path("models/wine")).unwrap();
    fs::rename(&above, &below).unwrap();
    let mut pipe = site.start(&[]);
    pipe.send(&records(0, 10));
    check(&pipe.results(10), 0, "wine-linear");
    fs::rename(&below, &above).unwrap();
    // When a file that goes later is known to have gone, the one before is.
    site.add("wine-forest");
    pipe.until(&["wine-forest", "state=Live"]);
    fs::remove_file(site.path("models/wine-forest.wasm")).unwrap();
    pipe.until(&["wine-forest", "state=Retired"]);
    pipe.send(&records(10, 20));
    let results = pipe.results(10);
    check(&results, 10, "wine-linear");
    assert_eq!(results[0]["revision"], 0, "it was retired and came again");
    fs::copy(&above, &below).unwrap();
    pipe.until(&["WARN", "two files are the same model", "models/wine-linear.wasm is `wine/wine-linear@"]);
    fs::remove_file(&above).unwrap();
    // As the first time: what went before is known by then.
    site.write("models/broken.wasm", b"\0asm, as far as one can see");
    pipe.until(&["WARN", "broken", "state=\"Rejected\""]);
    fs::remove_file(site.path("models/broken.wasm")).unwrap();
    pipe.until(&["broken", "state=Retired"]);
    pipe.send(&records(20, 30));
    check(&pipe.results(10), 20, "wine-linear");
    let (status, log) = pipe.end();
    assert!(status.success() && log.matches("two files").count() == 1, "{log}");
    assert!(!log.lines().any(|line| line.contains("wine-linear") && line.contains("state=Retired")), "{log}");
}

#[test]
fn a_folder_that_vanishes_for_a_while_keeps_its_models() {
    let site = Site::new(&["wine-linear"]);
    let mut pipe = site.start(&[]);
    pipe.send(&records(0, 10));
    check(&pipe.results(10), 0, "wine-linear");
    fs::rename(site.path("models"), site.path("away")).unwrap();
    pipe.until(&["WARN", "this folder cannot be listed; its models stay", "No such file"]);
    // Longer than a file may be missing, and than some looks at the folder take.
    std::thread::park_timeout(Duration::from_millis(500));
    pipe.send(&records(10, 20));
    check(&pipe.results(10), 10, "wine-linear");
    fs::rename(site.path("away"), site.path("models")).unwrap();
    pipe.until(&["this folder can be listed again"]);
    site.add("wine-forest");
    pipe.until(&["wine-forest", "state=Live"]);
    let (status, log) = pipe.end();
    assert!(status.success() && log.matches("WARN").count() == 2 && !log.contains("Retired"), "{log}");
}

#[test]
fn a_data_types_folder_that_cannot_be_listed_keeps_its_models() {
    use std::os::unix::fs::PermissionsExt as _;

    let site = Site::new(&[]);
    let folder = site.path("models/wine");
    fs::create_dir(&folder).unwrap();
    let rights = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    rights(0);
    if fs::read_dir(&folder).is_ok() {
        eprintln!("skipped: this user may list every folder");
        return;
    }
    let pipe = site.start(&[]);
    pipe.until(&["WARN", "this folder cannot be listed", "models/wine"]);
    rights(0o700);
    fs::copy(guest("wine-linear"), folder.join("wine-linear.wasm")).unwrap();
    pipe.until(&["wine-linear", "state=Live"]);
    rights(0);
    std::thread::park_timeout(Duration::from_millis(500));
    site.add("wine-forest");
    pipe.until(&["wine-forest", "state=Live"]);
    rights(0o700);
    let (status, log) = pipe.end();
    assert!(status.success() && !log.contains("Retired"), "{log}");
}

#[test]
fn once_is_over_when_no_model_can_come() {
    let site = Site::new(&[]);
    for (model, expected) in [(None, "no model was found in the folder"), (Some("broken"), "wine/broken@")] {
        if let Some(name) = model {
            site.write(&format!("models/{name}.wasm"), b"\0asm, as far as one can see");
        }
        let began = Instant::now();
        let (code, _, err) = site.call(&["--once", "--wait", "80s"], &records(0, 2));
        assert!(code == 1 && began.elapsed() < Duration::from_secs(40), "{:?}: {err}", began.elapsed());
        for part in ["0 records are answered, the next 2 wait: ", "; with --once no other model can come", expected] {
            assert!(err.contains(part), "no `{part}` in {err}");
        }
        assert!(model.is_none() || err.contains(" is Rejected: "), "{err}");
    }
}
