//! The guests in `plugins`: builds them into components and compares these with the committed ones, so that the host can be built
//! without a guest toolchain and the committed bytes can still be trusted.

mod component;
mod prebuilt;
pub(crate) mod templates;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::ValueEnum;
use sandstream_kit::toolchain::{self, Toolchain};

use crate::workspace;
use component::Component;

/// What to do with the guests.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Builds every guest into a component and prints its digest.
    Build {
        /// Where the compiler comes from; by default rustup where it can fetch the wasm32 target, otherwise Debian.
        #[arg(long, value_enum)]
        guest_toolchain: Option<Source>,
        /// Replaces the committed components in `plugins/prebuilt`; only with `--guest-toolchain debian`.
        #[arg(long)]
        commit: bool,
    },
    /// Builds every guest and compares it with the committed component.
    Check {
        /// As for `build`, but Debian by default, because the committed components were built with it.
        #[arg(long, value_enum)]
        guest_toolchain: Option<Source>,
    },
    /// Makes a project of every language's template with `sandstream new`; builds, checks, scores and measures it.
    Templates {
        /// Only this language.
        #[arg(long)]
        lang: Option<String>,
    },
}

/// Where the guests' compiler comes from.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// `rustup target add wasm32-unknown-unknown` for the host's own compiler.
    Rustup,
    /// Debian's `rustc-web`, unpacked into the cache, with a wasm32 standard library built from its sources.
    Debian,
}

impl From<Source> for toolchain::Source {
    fn from(source: Source) -> Self {
        match source {
            Source::Rustup => Self::Rustup,
            Source::Debian => Self::Debian,
        }
    }
}

pub(crate) fn run(command: &Command) -> Result<ExitCode> {
    match command {
        Command::Build { guest_toolchain, commit } => {
            if *commit && *guest_toolchain != Some(Source::Debian) {
                bail!("the committed components are built by the recipe that works everywhere: add --guest-toolchain debian");
            }
            build(&find(*guest_toolchain)?, *commit)
        }
        Command::Templates { lang } => templates::run(lang.as_deref()),
        Command::Check { guest_toolchain } => check(&find(Some(guest_toolchain.unwrap_or(Source::Debian)))?),
    }
}

/// Whether the toolchain from `source` is to be had here.
pub(crate) fn can_build(source: Source) -> Result<()> {
    find(Some(source)).map(|_| ())
}

fn find(source: Option<Source>) -> Result<Toolchain> {
    let toolchain = toolchain::find(source.map(Into::into))?;
    eprintln!("guest toolchain: {}", toolchain.identity);
    Ok(toolchain)
}

fn build(toolchain: &Toolchain, commit: bool) -> Result<ExitCode> {
    let components = component::build_all(toolchain)?;
    let folder = if commit { prebuilt::folder() } else { toolchain.folder()?.join("components") };
    prebuilt::write(&folder, toolchain, &components)?;
    for component in &components {
        println!("{}  {:>7} bytes  {}.wasm", component.digest(), component.bytes.len(), component.name);
    }
    println!("{} components in {}, by {}", components.len(), folder.display(), toolchain.identity);
    Ok(ExitCode::SUCCESS)
}

fn check(toolchain: &Toolchain) -> Result<ExitCode> {
    let sums = prebuilt::read_sums()?;
    let same_compiler = sums.toolchain == toolchain.identity;
    println!("committed by: {}\nchecked with: {}", sums.toolchain, toolchain.identity);
    if !same_compiler {
        println!("the bytes of different compilers differ, so imports and exports are compared instead");
    }
    let components = component::build_all(toolchain)?;
    let mut wrong = 0;
    for component in &components {
        let verdict = compare(component, &sums, same_compiler);
        wrong += usize::from(verdict.is_err());
        println!("{:<18} {}", component.name, verdict.unwrap_or_else(|reason| format!("WRONG: {reason:#}")));
    }
    for name in sums.digests.keys().filter(|name| !components.iter().any(|built| built.name == **name)) {
        wrong += 1;
        println!("{name:<18} WRONG: committed, but there is no guest of this name in plugins");
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How a rebuilt component compares with the committed one.
fn compare(built: &Component, sums: &prebuilt::Sums, same_compiler: bool) -> Result<String> {
    let Some(digest) = sums.digests.get(&built.name) else { bail!("not committed: run `{}`", prebuilt::HOW) };
    let committed = prebuilt::read(&built.name)?;
    if component::digest(&committed) != *digest {
        bail!("the committed file is not the one in SHA256SUMS: run `{}`", prebuilt::HOW);
    }
    if same_compiler {
        if built.bytes != committed {
            bail!("rebuilt it is {}, committed is {digest}: run `{}`", built.digest(), prebuilt::HOW);
        }
        return Ok(format!("equal bytes, {digest}"));
    }
    let (here, there) = (component::interface(&built.bytes)?, component::interface(&committed)?);
    if here != there {
        bail!("rebuilt it has {here}; committed has {there}");
    }
    Ok(format!("equal interface: {here}"))
}

/// The guests' own workspace.
fn plugins() -> PathBuf {
    workspace::root().join("plugins")
}
