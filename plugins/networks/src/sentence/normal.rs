//! A text as BERT's uncased vocabularies know it: no control characters, no accents, small letters.

use unicode_categories::UnicodeCategories as _;
use unicode_normalization::UnicodeNormalization as _;

/// Chinese, Japanese and Korean characters stand for themselves, so each becomes a word.
const IDEOGRAPHS: [(char, char); 8] = [
    ('\u{4e00}', '\u{9fff}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{20000}', '\u{2a6df}'),
    ('\u{2a700}', '\u{2b73f}'),
    ('\u{2b740}', '\u{2b81f}'),
    ('\u{2b920}', '\u{2ceaf}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{2f800}', '\u{2fa1f}'),
];

/// The text, character by character.
pub(super) fn normal(text: &str) -> impl Iterator<Item = char> + '_ {
    let kept = text.chars().filter(|c| !matches!(c, '\0' | '\u{fffd}') && !is_control(*c));
    let spaced = kept.map(|c| if c.is_whitespace() { ' ' } else { c }).flat_map(|c| {
        let space = is_ideograph(c).then_some(' ');
        space.into_iter().chain([c]).chain(space)
    });
    spaced.nfd().filter(|c| !c.is_mark_nonspacing()).flat_map(char::to_lowercase)
}

fn is_control(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r') && c.is_other()
}

fn is_ideograph(c: char) -> bool {
    IDEOGRAPHS.iter().any(|(first, last)| (*first..=*last).contains(&c))
}
