// The smallest useful model: a factor times the sum of two fields. `load` reads the factor and says what comes in and goes out,
// `score` answers a batch of rows. The folder sandstream is the kit's own; what may be imported from it is in sandstream/guest.js.

import { text } from "./sandstream/guest.js";

// What `load` keeps for `score`: weights, tables, thresholds.
let factor = 1;

// `config` is whatever was announced with the model, a Uint8Array; here a number as text, or nothing.
export function load(config) {
  if (config.length > 0) {
    factor = Number(text(config));
    if (Number.isNaN(factor)) throw new Error(`config: expected a number, got "${text(config)}"`);
  }
  // One matrix of the named record fields in, one number a row out.
  return {
    inputs: [{ name: "x", dtype: "float32", fields: ["alcohol", "pH"] }],
    outputs: [{ name: "score", dtype: "float32", width: 1 }],
  };
}

// `inputs` has an array per input, row after row; NaN is a missing number, null a missing text. An array per output is returned.
export function score(rows, [x], reject) {
  const score = new Array(rows);
  for (let row = 0; row < rows; row++) {
    score[row] = factor * (x[2 * row] + x[2 * row + 1]);
    if (Number.isNaN(score[row])) reject(row, "alcohol or pH is missing");
  }
  return [score];
}
