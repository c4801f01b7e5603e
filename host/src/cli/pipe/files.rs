//! The files of a command: no two of them are one, and what was in them stays until all else is in order.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, stderr, stdout};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Args;
use super::gate::standard_input;

/// Links to links that are followed.
const LINKS_MAX: usize = 40;

/// Where a file is, however it is called.
#[derive(PartialEq, Eq)]
enum Place {
    There {
        device: u64,
        inode: u64,
    },
    /// It would be made here.
    Missing {
        folder: PathBuf,
        name: OsString,
    },
}

/// Refuses files that are one: a result would be written over the records, or over another result.
pub(super) fn check(args: &Args) -> Result<()> {
    let standard = |path: &Path| path.as_os_str() == "-";
    let outputs = [
        ("--output", Some(&args.output), of(&stdout())),
        ("--dead-letters", Some(&args.dead_letters), of(&stderr())),
        ("--report", args.report.as_ref(), None),
    ];
    let input = [("--input", Some(&args.input), standard_input().ok().and_then(|stdin| of(&stdin)))];
    let mut seen: Vec<(&str, &Path, Place)> = Vec::new();
    for (option, path, stream) in input.into_iter().chain(outputs) {
        let Some(path) = path else { continue };
        let Some(place) = (if standard(path) { stream } else { place(path) }) else { continue };
        // Who sends stdout and stderr to one file wants to see them together.
        let together =
            |other: &str, at: &Path| option == "--dead-letters" && other == "--output" && standard(path) && standard(at);
        if let Some((other, at, _)) = seen.iter().find(|(other, at, there)| *there == place && !together(other, at)) {
            let [one, two] = [(other, *at), (&option, path)].map(|(option, path)| format!("{option} {}", path.display()));
            bail!("{one} and {two} are the same file; records, results, dead letters and the report need a file each");
        }
        seen.push((option, path, place));
    }
    Ok(())
}

/// Of regular files only: a device or a pipe may be written to twice.
fn there(about: &Metadata) -> Option<Place> {
    about.is_file().then(|| Place::There { device: about.dev(), inode: about.ino() })
}

fn of(stream: &impl AsFd) -> Option<Place> {
    let file: io::Result<OwnedFd> = stream.as_fd().try_clone_to_owned();
    there(&File::from(file.ok()?).metadata().ok()?)
}

fn place(path: &Path) -> Option<Place> {
    if let Ok(about) = fs::metadata(path) {
        return there(&about);
    }
    // A link to what is not there makes the file that it names.
    let mut path = path.to_path_buf();
    for _ in 0..LINKS_MAX {
        let Ok(to) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(to);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(Place::Missing { folder: fs::canonicalize(folder).ok()?, name: path.file_name()?.to_owned() })
}

/// Output files that are open and not written to yet. Until [`Files::begin`] they are as they were found; those that were made
/// are removed when it does not come to that.
#[derive(Default)]
pub(super) struct Files {
    open: Vec<Open>,
}

struct Open {
    path: PathBuf,
    file: File,
    made: bool,
}

impl Files {
    /// Opens a file, and makes it where there is none.
    pub(super) fn open(&mut self, path: &Path) -> Result<File> {
        let what = || format!("cannot write {}", path.display());
        let mut options = OpenOptions::new();
        options.write(true);
        let (file, made) = match options.clone().create_new(true).open(path) {
            // There may be a link to what is not there.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (options.create(true).truncate(false).open(path), false),
            made => (made, true),
        };
        let file = file.with_context(what)?;
        let handle = file.try_clone().with_context(what)?;
        self.open.push(Open { path: path.to_path_buf(), file, made });
        Ok(handle)
    }

    /// All is in order: the files are emptied and stay.
    pub(super) fn begin(mut self) -> Result<()> {
        for Open { path, file, .. } in self.open.drain(..) {
            let emptied = file.metadata().and_then(|about| if about.is_file() { file.set_len(0) } else { Ok(()) });
            emptied.with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for Open { path, made, .. } in &self.open {
            if *made && let Err(reason) = fs::remove_file(path) {
                tracing::warn!(file = %path.display(), %reason, "cannot be removed; nothing was written to it");
            }
        }
    }
}
