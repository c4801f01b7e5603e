//! Machine code on disk. Whatever is read there runs in the host, so a file counts only with a MAC under a key that nobody but
//! this user can read; every other file is a miss.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::code::MachineCode;
use super::engine::Fingerprint;
use super::{CacheConfig, Error};
use crate::types::Digest;

const MAGIC: &[u8; 8] = b"sndcode1";
const MAC_BYTES: usize = 32;
const KEY_FILE: &str = "key";
const SUFFIX: &str = "cwasm";
const TEMPORARY: &str = "tmp";
const LEFTOVER_AGE: Duration = Duration::from_secs(3600);

pub(super) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
    /// 32 random bytes, then zeros up to the block size of SHA-256, as HMAC itself would fill it up.
    key: [u8; 64],
    engine: Fingerprint,
}

impl Cache {
    /// Opens or makes the folder and its key.
    pub(super) fn open(config: &CacheConfig, engine: Fingerprint) -> Result<Self, Error> {
        let folder = &config.folder;
        let open = || {
            fs::create_dir_all(folder)?;
            // Fails when the folder is another user's.
            fs::set_permissions(folder, Permissions::from_mode(0o700))?;
            remove_leftovers(folder)?;
            key(folder)
        };
        let random = open().map_err(|e| Error::Cache { folder: folder.clone(), reason: e.to_string() })?;
        let mut key = [0; 64];
        key[..32].copy_from_slice(&random);
        Ok(Self { folder: folder.clone(), bytes_max: config.bytes_max, key, engine })
    }

    /// The machine code of a component, when it is there, whole and ours.
    pub(super) fn get(&self, component: Digest) -> Option<MachineCode> {
        let name = self.name(component);
        let path = self.path(&name);
        let mut bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return None,
            Err(e) => {
                tracing::warn!(file = %path.display(), "cached machine code cannot be read: {e}");
                return None;
            }
        };
        let start = MAGIC.len() + MAC_BYTES;
        let verified = bytes.len() >= start
            && bytes.starts_with(MAGIC)
            && self.mac(&name, &bytes[start..]).verify_slice(&bytes[MAGIC.len()..start]).is_ok();
        if !verified {
            tracing::warn!(file = %path.display(), "cached machine code was changed or is not ours: not taken");
            // It is no use to anyone; the next compilation writes it anew.
            let _ = fs::remove_file(&path);
            return None;
        }
        // The time of last use decides what goes first; without it the order is only less good.
        let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        bytes.drain(..start);
        Some(MachineCode::from_verified_cache(bytes))
    }

    /// Keeps machine code. A reader sees the whole file or none.
    pub(super) fn put(&self, component: Digest, code: &MachineCode) -> io::Result<()> {
        let name = self.name(component);
        let mac = self.mac(&name, code.bytes()).finalize().into_bytes();
        write_whole(&self.folder, &self.path(&name), &[MAGIC, mac.as_slice(), code.bytes()], Existing::Replace)?;
        self.evict()
    }

    /// Component and engine in one name: code for another engine is another file.
    fn name(&self, component: Digest) -> String {
        Digest::of_parts(&[&component.0, &self.engine.0]).hex()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension(SUFFIX)
    }

    /// Over the name too: a good file under another name is not good.
    fn mac(&self, name: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&self.key.into());
        mac.update(name.as_bytes());
        mac.update(code);
        mac
    }

    /// Removes what was not used for longest until the rest fits.
    fn evict(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|suffix| suffix == SUFFIX)
                && let Ok(about) = path.metadata()
            {
                files.push((about.modified()?, about.len(), path));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total <= self.bytes_max {
                break;
            }
            fs::remove_file(path)?;
            total -= bytes;
        }
        Ok(())
    }
}

/// Files that a host was writing when it was killed. Younger ones may be in the making by another host.
fn remove_leftovers(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let age = path.metadata().and_then(|about| about.modified()).map(|modified| modified.elapsed().unwrap_or_default());
        if path.extension().is_some_and(|suffix| suffix == TEMPORARY) && age.is_ok_and(|age| age > LEFTOVER_AGE) {
            // Another host that starts at the same time may have been faster.
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

/// The folder's key, made by whoever comes first.
fn key(folder: &Path) -> io::Result<[u8; 32]> {
    let path = folder.join(KEY_FILE);
    if !path.exists() {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| io::Error::other(format!("no random bytes for its key: {e}")))?;
        match write_whole(folder, &path, &[&key], Existing::Keep) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    let mut bytes = Vec::new();
    File::open(&path)?.take(64).read_to_end(&mut bytes)?;
    bytes.try_into().map_err(|_| io::Error::other(format!("{} must have 32 bytes; delete it", path.display())))
}

#[derive(Clone, Copy, PartialEq)]
enum Existing {
    Replace,
    Keep,
}

/// Writes a file so that it is there wholly or not at all, also after a power cut.
fn write_whole(folder: &Path, path: &Path, parts: &[&[u8]], existing: Existing) -> io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|e| io::Error::other(e.to_string()))?;
    let temporary = folder.join(format!(".{:016x}.{TEMPORARY}", u64::from_le_bytes(random)));
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()?;
        match existing {
            Existing::Replace => fs::rename(&temporary, path)?,
            Existing::Keep => fs::hard_link(&temporary, path)?,
        }
        File::open(folder)?.sync_all()
    };
    let written = write();
    // Renamed, it is not there any more; linked or failed, it is in the way.
    let _ = fs::remove_file(&temporary);
    written
}
