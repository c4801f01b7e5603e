//! `cargo xtask docs`: builds the book, follows its links, compares its picture with what the program draws, and runs every block of
//! commands of README and book as its reader would.

mod block;
mod book;
mod checkout;
mod prints;
mod session;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::workspace;
use block::{Block, Kind};

/// The picture of the demo at the top of README and book.
const PICTURE: &str = "docs/book/src/images/demo.svg";

/// Documents beside the book whose commands are run.
const BESIDE: &[&str] = &["README.md", "clients/python/README.md"];

/// Documents that only have to link to something.
const LINKING: &[&str] = &["ARCHITECTURE.md", "docs/FIGURES.md"];

#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Only build the book, and print where it is
    #[arg(long)]
    build: bool,
    /// Draw the picture of the demo anew
    #[arg(long)]
    picture: bool,
    /// A folder with the program `sandstream` [default: it is built]
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Only the documents whose paths contain one of these, and neither book nor picture
    documents: Vec<String>,
}

/// What a document's blocks came to.
#[derive(Default)]
struct Tally {
    run: usize,
    written: usize,
    skipped: Vec<String>,
    failed: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let documents = documents()?;
    if args.build {
        let linked = book::links(&documents)?;
        println!("{} ({linked} links lead somewhere)", book::build()?.join("index.html").display());
        return Ok(ExitCode::SUCCESS);
    }
    let programs = match &args.programs {
        Some(folder) => folder.canonicalize().with_context(|| format!("no folder {}", folder.display()))?,
        None => workspace::program("sandstream")?.parent().map(Path::to_path_buf).unwrap_or_default(),
    };
    if args.picture {
        draw(&programs, &workspace::root().join(PICTURE))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut tally = Tally::default();
    if args.documents.is_empty() {
        tally.note("the book", book::links(&documents).and_then(|_| book::build()).map(drop));
        tally.note("the picture", same_picture(&programs));
    }
    let wanted =
        |path: &Path| args.documents.is_empty() || args.documents.iter().any(|part| path.to_string_lossy().contains(part));
    let _lock = lock()?;
    for document in documents.iter().filter(|path| wanted(path)) {
        let name = document.strip_prefix(workspace::root()).unwrap_or(document);
        tally.document(name, document, &programs)?;
    }
    Ok(tally.report())
}

/// README, the book's chapters and what lies beside them, in order.
fn documents() -> Result<Vec<PathBuf>> {
    let mut chapters = Vec::new();
    let folder = book::chapters();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "md") {
            chapters.push(path);
        }
    }
    chapters.sort();
    let beside = BESIDE.iter().chain(LINKING).map(|name| workspace::root().join(name));
    Ok(beside.chain(chapters).collect())
}

/// Two at a time would use the same ports and folders.
fn lock() -> Result<File> {
    let folder = workspace::cache()?.join("docs");
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join("lock"))?;
    file.lock().context("cannot lock the folder of the documents")?;
    Ok(file)
}

impl Tally {
    fn note(&mut self, name: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => eprintln!("ok       {name}"),
            Err(error) => self.failed.push(format!("{name}: {error:#}")),
        }
    }

    fn document(&mut self, name: &Path, path: &Path, programs: &Path) -> Result<()> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let blocks = block::blocks(name, &text)?;
        if LINKING.iter().any(|linking| name == Path::new(linking)) || blocks.is_empty() {
            return Ok(());
        }
        for block in &blocks {
            match &block.kind {
                Kind::Skip(why) => self.skipped.push(format!("{}:{}: {why}", name.display(), block.line)),
                Kind::File(_) => self.written += 1,
                Kind::Run | Kind::Background(_) => self.run += 1,
            }
        }
        let began = Instant::now();
        match try_out(name, &blocks, programs) {
            Ok(()) => eprintln!("ok       {} in {:.1} s", name.display(), began.elapsed().as_secs_f64()),
            Err(error) => self.failed.push(format!("{error:#}")),
        }
        Ok(())
    }

    fn report(&self) -> ExitCode {
        for skipped in &self.skipped {
            println!("skipped  {skipped}");
        }
        for failed in &self.failed {
            println!("FAILED   {failed}");
        }
        let (run, written, skipped, failed) = (self.run, self.written, self.skipped.len(), self.failed.len());
        println!("{run} blocks of commands run, {written} files written, {skipped} blocks skipped; {failed} failures");
        ExitCode::from(u8::from(failed > 0))
    }
}

fn try_out(name: &Path, blocks: &[Block], programs: &Path) -> Result<()> {
    let folder = workspace::cache()?.join("docs").join(name.with_extension("").to_string_lossy().replace('/', "-"));
    let place = session::Place {
        programs,
        checkout: folder.join("sandstream"),
        scripts: folder.join("scripts"),
        kept: folder.join("kept"),
    };
    // Always the same folders: what is kept of a build is told by its path.
    if place.scripts.exists() {
        fs::remove_dir_all(&place.scripts)?;
    }
    checkout::copy(&checkout::files()?, &place.checkout)?;
    session::run(name, blocks, &place)
}

fn draw(programs: &Path, file: &Path) -> Result<()> {
    workspace::run(Command::new(programs.join("sandstream")).args(["demo", "--picture"]).arg(file))
}

/// The committed picture is what the program draws.
fn same_picture(programs: &Path) -> Result<()> {
    let drawn = workspace::cache()?.join("docs/demo.svg");
    if let Some(folder) = drawn.parent() {
        fs::create_dir_all(folder)?;
    }
    draw(programs, &drawn)?;
    let committed = workspace::root().join(PICTURE);
    if fs::read(&committed).with_context(|| format!("cannot read {PICTURE}"))? != fs::read(&drawn)? {
        bail!("{PICTURE} is not what `sandstream demo --picture` draws now: run `cargo xtask docs --picture`");
    }
    Ok(())
}
