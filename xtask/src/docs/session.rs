//! Runs the blocks of a document as its reader would: in order, in one shell, in a copy of the checkout. Whatever they leave running
//! is ended with them, also when this program is ended itself: the shell ends its process group when its input closes.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::block::{Block, Kind};
use super::prints;
use crate::workspace;

const NAP: Duration = Duration::from_millis(20);

/// How long what runs in the background may take to end on SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

/// Lines of a failed block's output that are shown.
const TAIL: usize = 40;

/// Ends what it started when its input closes, whoever closes it.
const KEEPER: &str = r#"{ bash "$1/all.sh" </dev/null; echo $? >"$1/ended"; } & read -r _; trap '' TERM; kill -TERM 0; wait"#;

/// Before the first block. Folders that are kept are moved away at the end and back again by the next run, as some tools want no link.
const BEGIN: &str = r#"set -euo pipefail
kept=()
trap 'for ((i = 0; i < ${#kept[@]}; i += 2)); do mv -T "${kept[i]}" "${kept[i + 1]}"; done' EXIT
"#;

/// Where a document is run.
pub(super) struct Place<'a> {
    /// The programs.
    pub(super) programs: &'a Path,
    /// The copy of the checkout that the first block starts in.
    pub(super) checkout: PathBuf,
    /// For the scripts and what they print.
    pub(super) scripts: PathBuf,
    /// What is kept for the next run.
    pub(super) kept: PathBuf,
}

/// Runs the blocks to the first that fails; the error names its line.
pub(super) fn run(document: &Path, blocks: &[Block], place: &Place<'_>) -> Result<()> {
    ports_are_free(blocks)?;
    fs::create_dir_all(&place.scripts)?;
    let mut all = String::from(BEGIN);
    for (at, block) in blocks.iter().enumerate() {
        fs::write(place.scripts.join(format!("{at}.sh")), &block.text)?;
        all += &step(at, block, place)?;
    }
    fs::write(place.scripts.join("all.sh"), all)?;
    let session = Session::start(place)?;
    for (at, block) in blocks.iter().enumerate() {
        let failed = session.block(at, block).and_then(|()| printed(at, block, place));
        failed
            .with_context(|| format!("{}:{}", document.display(), block.line))
            .map_err(|error| beside(&error, blocks, place))?;
    }
    session.end()
}

/// The lines of the script that run a block. What it prints goes to a file of its own, also what goes on in the background.
fn step(at: usize, block: &Block, place: &Place<'_>) -> Result<String> {
    let at = place.scripts.join(at.to_string());
    let at = at.to_str().context("the cache's path is no text")?;
    let keep = match &block.keep {
        Some(path) => {
            fs::create_dir_all(&place.kept)?;
            let kept = place.kept.join(path.replace('/', "-"));
            let kept = kept.display();
            format!("rm -rf '{path}'; if [ -e '{kept}' ]; then mv -T '{kept}' '{path}'; fi; kept+=(\"$PWD/{path}\" '{kept}'); ")
        }
        None => String::new(),
    };
    let what = match &block.kind {
        Kind::Skip(_) => return Ok(String::new()),
        Kind::File(path) => format!("mkdir -p \"$(dirname '{path}')\"; cp '{at}.sh' '{path}'; echo 0 >'{at}.done'"),
        Kind::Background(ready) => {
            fs::write(format!("{at}.ready"), ready)?;
            format!(
                "( source '{at}.sh'; ) & while ! grep -qFf '{at}.ready' '{at}.out'; do kill -0 $!; sleep 0.05; done; echo 0 >'{at}.done'"
            )
        }
        Kind::Run if block.exit == 0 => format!("source '{at}.sh'; echo 0 >'{at}.done'"),
        Kind::Run => format!("set +e; source '{at}.sh'; echo $? >'{at}.done'; set -e"),
    };
    Ok(format!("exec >'{at}.out' 2>&1; {keep}: >'{at}.begun'; {what}\n"))
}

/// Documents are run as written, so what they say is on a port must be what they have started.
fn ports_are_free(blocks: &[Block]) -> Result<()> {
    for block in blocks.iter().filter(|block| !matches!(block.kind, Kind::Skip(_))) {
        for (before, _) in block.text.match_indices("127.0.0.1:") {
            let port: String = block.text[before + 10..].chars().take_while(char::is_ascii_digit).collect();
            let Ok(port) = port.parse::<u16>() else { continue };
            TcpListener::bind(("127.0.0.1", port)).with_context(|| {
                format!("port {port} is in use, and the document needs it as written: end what listens there")
            })?;
        }
    }
    Ok(())
}

fn printed(at: usize, block: &Block, place: &Place<'_>) -> Result<()> {
    let Some(wanted) = &block.prints else { return Ok(()) };
    let out = fs::read_to_string(place.scripts.join(format!("{at}.out")))?;
    match prints::lacks(wanted, &out) {
        Some(line) => bail!("did not print, or not in that order:\n    {line}\nbut:\n{}", tail(&out)),
        None => Ok(()),
    }
}

/// The error with what went on in the background.
fn beside(error: &anyhow::Error, blocks: &[Block], place: &Place<'_>) -> anyhow::Error {
    let mut text = format!("{error:#}");
    for (at, block) in blocks.iter().enumerate().filter(|(_, block)| matches!(block.kind, Kind::Background(_))) {
        if let Ok(out) = fs::read_to_string(place.scripts.join(format!("{at}.out"))) {
            text += &format!("\nin the background, `{}`:\n{}", block.text.trim(), tail(&out));
        }
    }
    anyhow::Error::msg(text)
}

fn tail(out: &str) -> String {
    let lines: Vec<_> = out.lines().map(|line| format!("    {line}")).collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// The shell and everything it started.
struct Session {
    keeper: Child,
    scripts: PathBuf,
}

impl Session {
    fn start(place: &Place<'_>) -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(place.programs.to_path_buf()).chain(std::env::split_paths(&path)))?;
        let mut bash = Command::new("bash");
        bash.args(["-c", KEEPER, "bash"]).arg(&place.scripts).current_dir(&place.checkout);
        // A document that installs Python packages makes an environment for them first.
        bash.env("PATH", path).env("NO_COLOR", "1").env("PIP_REQUIRE_VIRTUALENV", "1").env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        bash.env("PIP_CACHE_DIR", workspace::cache()?.join("pip"))
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_MANIFEST_DIR");
        bash.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Ok(Self { keeper: bash.spawn().context("cannot start bash")?, scripts: place.scripts.clone() })
    }

    /// Waits until the block is done.
    fn block(&self, at: usize, block: &Block) -> Result<()> {
        if matches!(block.kind, Kind::Skip(_)) {
            return Ok(());
        }
        let (done, ended) = (self.scripts.join(format!("{at}.done")), self.scripts.join("ended"));
        let out = || fs::read_to_string(self.scripts.join(format!("{at}.out"))).map(|out| tail(&out)).unwrap_or_default();
        let began = Instant::now();
        let code = loop {
            // Looked at before the code is, as the shell may end with the block.
            let over = ended.exists();
            match fs::read_to_string(&done) {
                Ok(code) if code.ends_with('\n') => break code,
                _ if over => bail!("failed:\n{}", out()),
                _ if began.elapsed() > block.within => bail!("not done within {} s:\n{}", block.within.as_secs(), out()),
                _ => sleep(NAP),
            }
        };
        if code.trim() != block.exit.to_string() {
            bail!("ended with {}, and the document says {}:\n{}", code.trim(), block.exit, out());
        }
        Ok(())
    }

    /// Ends what still runs, and says when something had to be killed.
    fn end(mut self) -> Result<()> {
        if self.close()? { Ok(()) } else { bail!("what the document left running does not end on SIGTERM") }
    }

    /// Whether everything ended by itself on SIGTERM.
    fn close(&mut self) -> Result<bool> {
        let group = Pid::from_child(&self.keeper);
        drop(self.keeper.stdin.take());
        let began = Instant::now();
        let mut gone = false;
        while !gone && began.elapsed() < GRACE {
            // The shell that is waited for has to be reaped, or its group would never be empty.
            let ended = self.keeper.try_wait()?.is_some();
            gone = ended && test_kill_process_group(group).is_err();
            sleep(NAP);
        }
        if !gone {
            let _ = kill_process_group(group, Signal::KILL);
            self.keeper.wait()?;
        }
        Ok(gone)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.keeper.stdin.is_some() {
            let _ = self.close();
        }
    }
}
