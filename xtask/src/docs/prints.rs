//! Compares what a block printed with what its document says it prints. Loosely, as figures, digests and times differ from run to
//! run: every line of the document has to come, in that order, with others between them; `...` stands for anything, and any run of
//! spaces for any other.

/// The first line of `wanted` that `printed` lacks.
pub(super) fn lacks<'a>(wanted: &'a str, printed: &str) -> Option<&'a str> {
    let mut printed = printed.lines().map(squeezed);
    wanted.lines().filter(|line| !line.trim().trim_matches('.').is_empty()).find(|line| {
        let wanted = squeezed(line);
        !printed.by_ref().any(|line| matches(&wanted, &line))
    })
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the line is `pattern`, where each `...` of the pattern may be any text.
fn matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("...").map(str::trim);
    let Some(rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut rest = rest;
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
    }
    last.map_or_else(|| rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::lacks;

    #[test]
    fn lines_come_in_order_with_anything_for_dots() {
        let printed = "size   77.9 KiB (79741 bytes)\nnoise\ntook       150.4 s\nnext  x\n";
        for (wanted, lacking) in [
            ("size  ... KiB (... bytes)\ntook ... s", None),
            ("size 77.9 KiB", Some("size 77.9 KiB")),
            ("took ... s\nsize ...", Some("size ...")),
            ("...\n\nnext x", None),
            ("... 150.4 ...", None),
            ("took ... ms", Some("took ... ms")),
            ("took ... 150.4 s ... 150.4 s", Some("took ... 150.4 s ... 150.4 s")),
        ] {
            assert_eq!(lacks(wanted, printed), lacking, "{wanted}");
        }
    }
}
