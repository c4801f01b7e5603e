//! What makes names of files survive the end of the machine: a file that was pushed to the disk is lost all the same if the folder
//! that names it was not.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::log::segment::Sync;

/// Pushes the names in a folder to the disk, where that is asked for.
pub(crate) fn names(folder: &Path, sync: Sync) -> io::Result<()> {
    if sync == Sync::Always { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Pushes the name of a file or folder to the disk, where that is asked for.
pub(crate) fn name(path: &Path, sync: Sync) -> io::Result<()> {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), |parent| names(parent, sync))
}

/// Makes a folder and those it lies in, with their names on the disk where that is asked for.
pub(crate) fn folder(path: &Path, sync: Sync) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        folder(parent, sync)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    name(path, sync)
}
