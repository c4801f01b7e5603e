//! What a check has found.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use crate::cli::table::{Table, print};

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Something will not work.
    Wrong,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Wrong => "WRONG",
        }
    }
}

/// One thing.
pub(in crate::cli) struct Finding {
    level: Level,
    about: String,
    text: String,
}

impl Finding {
    pub(in crate::cli) fn cells(&self) -> [String; 3] {
        [self.level.word().to_owned(), self.about.clone(), self.text.clone()]
    }

    pub(in crate::cli) fn json(&self) -> Value {
        json!({ "level": self.level.word().to_lowercase(), "about": self.about, "text": self.text })
    }
}

/// All things, in the order in which they were looked at.
#[derive(Default)]
pub(in crate::cli) struct Findings {
    pub(in crate::cli) all: Vec<Finding>,
}

impl Findings {
    pub(in crate::cli) fn ok(&mut self, about: &str, text: String) {
        self.add(Level::Ok, about, text);
    }

    pub(in crate::cli) fn note(&mut self, about: &str, text: String) {
        self.add(Level::Note, about, text);
    }

    pub(in crate::cli) fn wrong(&mut self, about: &str, text: String) {
        self.add(Level::Wrong, about, text);
    }

    fn add(&mut self, level: Level, about: &str, text: String) {
        self.all.push(Finding { level, about: about.to_owned(), text });
    }

    pub(in crate::cli) fn any_wrong(&self) -> bool {
        self.all.iter().any(|finding| finding.level == Level::Wrong)
    }

    /// As a table.
    pub(in crate::cli) fn table(&self) -> Table {
        let mut table = Table::new(&["", "about", "finding"]);
        self.all.iter().for_each(|finding| table.row(finding.cells()));
        table
    }

    /// Prints what was found, and what else there is to say of it.
    pub(in crate::cli) fn report(&self, as_json: bool, mut value: Value) -> Result<ExitCode> {
        let list: Vec<Value> = self.all.iter().map(Finding::json).collect();
        let ok = !self.any_wrong();
        value["ok"] = json!(ok);
        value["findings"] = json!(list);
        print(as_json, &value, &self.table())?;
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
