//! The blocks of a document that are run, and what a comment above one says of it:
//!
//! ```text
//! <!-- docs: skip WHY -->          it is not run; WHY goes into the summary
//! <!-- docs: file PATH -->         the block is written to this file, as a reader does in an editor
//! <!-- docs: background TEXT -->   a terminal of its own: it goes on, and the next block waits until it has printed TEXT
//! <!-- docs: exit N -->            its last command ends with this code, not 0
//! <!-- docs: within SECONDS -->    how long it may take [default: 120]
//! <!-- docs: keep PATH -->         what it builds in this folder is kept in the cache for the next run
//! ```
//!
//! Blocks of `sh` are commands. A block of `text` that follows one is what the commands print.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long a block may take that does not say otherwise.
const WITHIN: Duration = Duration::from_secs(120);

const MARK: &str = "<!-- docs:";

/// What is done with a block.
pub(super) enum Kind {
    /// Its commands are run to their end.
    Run,
    /// Its commands are started, and go on; this is what they print when they are ready.
    Background(String),
    /// It is written to this file.
    File(String),
    /// Nothing, and why.
    Skip(String),
}

/// A block of commands, or the content of a file.
pub(super) struct Block {
    /// Line of the document, from 1, of the block's first line.
    pub(super) line: usize,
    pub(super) kind: Kind,
    pub(super) text: String,
    /// What it is to print, loosely.
    pub(super) prints: Option<String>,
    pub(super) exit: i32,
    pub(super) within: Duration,
    pub(super) keep: Option<String>,
}

/// The blocks of the document, in order. Blocks of other languages are read by people only, unless a comment names a file.
pub(super) fn blocks(path: &Path, text: &str) -> Result<Vec<Block>> {
    let mut found = Found::default();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let here = || format!("{}:{}", path.display(), at + 1);
        if let Some(said) = line.trim().strip_prefix(MARK) {
            let said = said.strip_suffix("-->").with_context(|| format!("{}: the comment has no end", here()))?;
            found.notes.push((at + 1, said.trim().to_owned()));
        } else if let Some(language) = line.trim_start().strip_prefix("```") {
            let indent = line.len() - line.trim_start().len();
            let mut body = String::new();
            loop {
                let (_, line) = lines.next().with_context(|| format!("{}: the block has no end", here()))?;
                if line.trim() == "```" {
                    break;
                }
                body.push_str(line.get(indent..).unwrap_or_default());
                body.push('\n');
            }
            found.block(language.trim(), at + 2, body).with_context(here)?;
        } else if line.starts_with('#') {
            found.answerable = false;
        }
    }
    if let Some((line, note)) = found.notes.first() {
        bail!("{}:{line}: `{note}` stands above no block", path.display());
    }
    Ok(found.blocks)
}

#[derive(Default)]
struct Found {
    blocks: Vec<Block>,
    /// Comments above the next block, with their lines.
    notes: Vec<(usize, String)>,
    /// Whether a block of `text` would be what the last block prints.
    answerable: bool,
}

impl Found {
    fn block(&mut self, language: &str, line: usize, text: String) -> Result<()> {
        let notes = std::mem::take(&mut self.notes);
        if language == "text" && notes.is_empty() {
            if let (true, Some(last)) = (self.answerable, self.blocks.last_mut()) {
                last.prints = Some(text);
            }
            self.answerable = false;
            return Ok(());
        }
        if language != "sh" && notes.is_empty() {
            self.answerable = false;
            return Ok(());
        }
        let mut block = Block { line, kind: Kind::Run, text, prints: None, exit: 0, within: WITHIN, keep: None };
        for (_, note) in notes {
            block.note(&note)?;
        }
        if language != "sh" && !matches!(block.kind, Kind::File(_)) {
            bail!("a block of `{language}` can only be written to a file: <!-- docs: file PATH -->");
        }
        self.answerable = matches!(block.kind, Kind::Run | Kind::Background(_));
        self.blocks.push(block);
        Ok(())
    }
}

impl Block {
    fn note(&mut self, note: &str) -> Result<()> {
        let (word, rest) = note.split_once(' ').with_context(|| format!("`{note}` says nothing: expected a word and a value"))?;
        let rest = rest.trim();
        match word {
            "skip" => self.kind = Kind::Skip(rest.to_owned()),
            "file" => self.kind = Kind::File(rest.to_owned()),
            "background" => self.kind = Kind::Background(rest.to_owned()),
            "exit" => self.exit = rest.parse().with_context(|| format!("`exit {rest}`: expected a number"))?,
            "within" => {
                let seconds = rest.parse().with_context(|| format!("`within {rest}`: expected seconds"))?;
                self.within = Duration::from_secs(seconds);
            }
            "keep" => self.keep = Some(rest.to_owned()),
            other => bail!("`{other}` is not known: skip, file, background, exit, within or keep"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Kind, blocks};

    /// What a document's blocks come to, a line each.
    fn read(text: &str) -> String {
        let found = match blocks(Path::new("d.md"), text) {
            Ok(found) => found,
            Err(error) => return format!("{error:#}"),
        };
        let lines = found.iter().map(|block| {
            let kind = match &block.kind {
                Kind::Run => "run".to_owned(),
                Kind::Background(ready) => format!("background until {ready}"),
                Kind::File(path) => format!("file {path}"),
                Kind::Skip(why) => format!("skip: {why}"),
            };
            let prints = block.prints.as_deref().map(|text| format!(", prints {}", text.trim())).unwrap_or_default();
            format!("{} {kind}: {} exit {} in {} s{prints}", block.line, block.text.trim(), block.exit, block.within.as_secs())
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn comments_say_what_is_done() {
        for (text, wanted) in [
            ("```sh\nls\n```\n", "2 run: ls exit 0 in 120 s"),
            ("```rust\nfn f() {}\n```\n", ""),
            ("<!-- docs: skip it is long -->\n```sh\nls\n```\n", "3 skip: it is long: ls exit 0 in 120 s"),
            ("<!-- docs: exit 2 -->\n<!-- docs: within 9 -->\n```sh\nls\n```\n", "4 run: ls exit 2 in 9 s"),
            ("<!-- docs: background up -->\n```sh\nls\n```\n", "3 background until up: ls exit 0 in 120 s"),
            ("<!-- docs: file a.c -->\n```c\nint x;\n```\n", "3 file a.c: int x; exit 0 in 120 s"),
            ("- in a list:\n  ```sh\n  ls\n  ```\n", "3 run: ls exit 0 in 120 s"),
            ("```sh\nls\n```\nsays\n\n```text\na\n```\n", "2 run: ls exit 0 in 120 s, prints a"),
            ("```sh\nls\n```\n# Next\n```text\na\n```\n", "2 run: ls exit 0 in 120 s"),
            ("<!-- docs: skip -->\n```sh\n```\n", "d.md:2: `skip` says nothing: expected a word and a value"),
            ("<!-- docs: exit 1 -->\n", "d.md:1: `exit 1` stands above no block"),
            (
                "<!-- docs: sometimes x -->\n```sh\n```\n",
                "d.md:2: `sometimes` is not known: skip, file, background, exit, within or keep",
            ),
            ("```sh\nls\n", "d.md:1: the block has no end"),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }
}
