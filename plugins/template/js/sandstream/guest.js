// What a model may use of the kit.
//
// A module has no clock, no randomness, no files and no network. An error that is thrown fails the whole call; `reject` fails one
// row.

import artifacts from "sandstream:model/artifacts@0.1.0";
import logger from "sandstream:model/log@0.1.0";

// Bytes as text; what is no UTF-8 becomes U+FFFD.
export function text(bytes) {
  let out = "";
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i++];
    const more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : -1;
    let point = more === 0 ? first : first & (0x3f >> more);
    let good = more >= 0;
    for (let k = 0; good && k < more; k++) {
      good = (bytes[i] & 0xc0) === 0x80;
      if (good) point = (point << 6) | (bytes[i++] & 0x3f);
    }
    good &&= point <= 0x10ffff && !(point >= 0xd800 && point < 0xe000);
    out += good ? String.fromCodePoint(point) : "\ufffd";
  }
  return out;
}

// Text as bytes.
export function bytes(text) {
  const out = [];
  for (const char of text) {
    const point = char.codePointAt(0);
    if (point < 0x80) out.push(point);
    else if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
    else if (point < 0x10000) out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
    else out.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
  }
  return Uint8Array.from(out);
}

// A file that was announced with the model, a Uint8Array; throws where there is none of that name.
export function artifact(name) {
  return Uint8Array.from(artifacts.read(name));
}

// A line in the host's log; the level is "debug", "info", "warn" or "error".
export function log(level, message) {
  logger.emit(level, String(message));
}
