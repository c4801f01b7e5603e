//! Compiling in a child process, and the machine code that is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod wasm_guest;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sandstream::backend::wasm::{CacheConfig, Compiler, Config, Wasm};
use sandstream::backend::{Backend, Rejected, Stage};
use sandstream::types::{Limits, Tensor};
use wasm_guest::{Guest, child, component, later, payload, score};

fn wasm(compiler: Compiler, cache: Option<&Path>) -> Wasm {
    let cache = cache.map(|folder| CacheConfig { folder: folder.to_owned(), bytes_max: 64 << 20 });
    Wasm::new(Config { sessions_max: 4, compiler, cache, ..Config::default() }).expect("a pool")
}

/// Loads it and asks it for 1 + 1.
fn works(wasm: &Wasm, component: &[u8]) -> Result<(), Rejected> {
    let model = wasm.load(&payload(component), &Limits::default())?;
    let y = score(&mut *model.session(later(10_000)).unwrap(), &[1.0], 10_000).unwrap();
    assert_eq!(y.outputs, [Tensor::Float64(vec![2.0])]);
    Ok(())
}

fn rejected(component: &[u8], limits: &Limits) -> Rejected {
    wasm(child(), None).load(&payload(component), limits).err().expect("to be rejected")
}

#[test]
fn the_childs_code_runs_here() {
    works(&wasm(child(), None), &Guest::default().component()).unwrap();
}

#[test]
fn what_does_not_compile_says_why() {
    let mut cut = Guest::default().component();
    cut.truncate(cut.len() / 2);
    let rejected = rejected(&cut, &Limits::default());
    assert_eq!(rejected.stage, Stage::Compile);
    assert!(rejected.reason.contains("does not compile") && rejected.reason.contains("out of bounds"), "{}", rejected.reason);
}

/// So many locals and branches that the register allocator takes a minute and 700 MB for 179 KB.
fn bomb() -> Vec<u8> {
    let locals = "(local i32) ".repeat(10_000);
    let branches: String =
        (0..8_000).map(|i| format!("(if (local.get 0) (then (local.set {} (local.get {}))))", i + 1, (i * 7) % 10_000)).collect();
    component(&format!("(component (core module (func (param i32) {locals} {branches})))"))
}

#[test]
fn a_bomb_of_time_is_ended() {
    let rejected = rejected(&bomb(), &Limits { compile: Duration::from_millis(500), ..Limits::default() });
    assert_eq!(rejected.stage, Stage::Compile);
    assert!(rejected.reason.contains("not compiled within 500ms"), "{}", rejected.reason);
}

#[test]
fn a_bomb_of_memory_is_ended() {
    let rejected = rejected(&bomb(), &Limits { compile_bytes: 1 << 20, ..Limits::default() });
    assert_eq!(rejected.stage, Stage::Compile);
    assert!(rejected.reason.contains("more than 1048576 bytes of memory"), "{}", rejected.reason);
}

#[test]
fn a_program_that_is_no_compiler_is_told() {
    let cases = [
        ("/nonexistent/sandstream", "cannot start the compiler"),
        ("/bin/true", "answered with 0 bytes"),
        ("/bin/false", "exit status: 1"),
        // It repeats its arguments, which are long enough to be taken for a fingerprint ..
        ("/bin/echo", "of another build than this host"),
        // .. or repeats them for ever.
        ("/usr/bin/yes", "not compiled within"),
    ];
    let limits = Limits { compile: Duration::from_millis(500), compile_bytes: u64::MAX, ..Limits::default() };
    for (program, words) in cases {
        let wasm = wasm(Compiler::Child { program: program.into() }, None);
        let rejected = wasm.load(&payload(&Guest::default().component()), &limits).err().expect(program);
        assert!(rejected.reason.contains(words), "{program}: {}", rejected.reason);
    }
}

/// A compiler that cannot be started: whatever loads with it came from the cache.
fn no_compiler() -> Compiler {
    Compiler::Child { program: "/nonexistent/sandstream".into() }
}

/// The one file of machine code.
fn kept(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|suffix| suffix == "cwasm")).expect("a file")
}

#[test]
fn kept_code_is_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let component = Guest::default().component();
    works(&wasm(child(), Some(folder.path())), &component).unwrap();
    works(&wasm(no_compiler(), Some(folder.path())), &component).unwrap();
    let other = Guest { memory: "65".to_owned(), ..Guest::default() }.component();
    works(&wasm(no_compiler(), Some(folder.path())), &other).expect_err("another component is another file");
}

#[test]
fn code_that_was_changed_is_not_taken() {
    type Change = fn(&mut Vec<u8>);
    let change: [(&str, Change); 6] = [
        ("a bit in the middle", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }),
        ("a bit of the MAC", |bytes| bytes[10] ^= 1),
        ("cut short", |bytes| bytes.truncate(bytes.len() - 1)),
        ("cut to its head", |bytes| bytes.truncate(12)),
        ("empty", Vec::clear),
        ("longer", |bytes| bytes.push(0)),
    ];
    let component = Guest::default().component();
    for (name, change) in change {
        let folder = tempfile::tempdir().unwrap();
        works(&wasm(child(), Some(folder.path())), &component).unwrap();
        let file = kept(folder.path());
        let mut bytes = fs::read(&file).unwrap();
        change(&mut bytes);
        fs::write(&file, bytes).unwrap();
        works(&wasm(no_compiler(), Some(folder.path())), &component).expect_err(name);
        works(&wasm(child(), Some(folder.path())), &component).expect(name);
        works(&wasm(no_compiler(), Some(folder.path())), &component).expect("it was written anew");
    }
}

#[test]
fn code_of_another_component_or_key_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Guest::default().component(), Guest { memory: "65".to_owned(), ..Guest::default() }.component());
    works(&wasm(child(), Some(folder.path())), &one).unwrap();
    let first = kept(folder.path());
    let code = fs::read(&first).unwrap();
    fs::remove_file(&first).unwrap();
    works(&wasm(child(), Some(folder.path())), &other).unwrap();
    fs::write(kept(folder.path()), &code).unwrap();
    works(&wasm(no_compiler(), Some(folder.path())), &other).expect_err("the code is of another component");

    fs::write(&first, &code).unwrap();
    fs::write(folder.path().join("key"), [7; 32]).unwrap();
    works(&wasm(no_compiler(), Some(folder.path())), &one).expect_err("the key is another");
}

#[test]
fn the_cache_is_private_and_stays_within_its_size() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let config = CacheConfig { folder: folder.path().join("code"), bytes_max: 100_000 };
    let wasm =
        Wasm::new(Config { sessions_max: 4, compiler: Compiler::InProcess, cache: Some(config.clone()), ..Config::default() })
            .unwrap();
    for pages in 64..72 {
        works(&wasm, &Guest { memory: pages.to_string(), ..Guest::default() }.component()).unwrap();
    }
    let files: Vec<_> = fs::read_dir(&config.folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap()).collect();
    let total: u64 = files.iter().map(fs::Metadata::len).sum();
    assert!(files.len() > 1 && total <= config.bytes_max + 32, "{} files of {total} bytes", files.len());
    assert!(files.iter().all(|file| file.permissions().mode() & 0o77 == 0));
    assert_eq!(fs::metadata(&config.folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn what_a_killed_host_left_is_removed() {
    use std::time::SystemTime;
    let folder = tempfile::tempdir().unwrap();
    let (old, young) = (folder.path().join(".old.tmp"), folder.path().join(".young.tmp"));
    fs::write(&young, "").unwrap();
    fs::File::create(&old).unwrap().set_modified(SystemTime::now() - Duration::from_secs(7200)).unwrap();
    wasm(Compiler::InProcess, Some(folder.path()));
    assert!(!old.exists() && young.exists());
}

#[test]
fn machine_code_posing_as_a_component_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    works(&wasm(child(), Some(folder.path())), &Guest::default().component()).unwrap();
    // What follows magic and MAC is a precompiled artifact that this very engine would run.
    let code = fs::read(kept(folder.path())).unwrap().split_off(40);
    let rejected = rejected(&code, &Limits::default());
    assert!(rejected.reason.contains("machine code, which is never taken from outside"), "{}", rejected.reason);
}

#[test]
fn a_cache_folder_that_cannot_be_used_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let cache = Some(CacheConfig { folder: file.path().join("sub"), bytes_max: 1 });
    let error = Wasm::new(Config { sessions_max: 1, cache, ..Config::default() }).err().expect("an error").to_string();
    assert!(error.contains("cannot use the cache folder"), "{error}");
}
