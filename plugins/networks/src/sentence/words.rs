//! Cuts a text into words: at spaces, which go, and at signs, each of which is a word.

use unicode_categories::UnicodeCategories as _;

/// Calls `each` with every word of the text until it says that it has enough.
pub(super) fn words(text: impl Iterator<Item = char>, mut each: impl FnMut(&str) -> bool) {
    let mut word = String::new();
    for c in text {
        let (space, sign) = (c.is_whitespace(), c.is_ascii_punctuation() || c.is_punctuation());
        if !(space || sign) {
            word.push(c);
            continue;
        }
        if !word.is_empty() && !each(&word) {
            return;
        }
        word.clear();
        if sign && !each(c.encode_utf8(&mut [0; 4])) {
            return;
        }
    }
    if !word.is_empty() {
        each(&word);
    }
}
