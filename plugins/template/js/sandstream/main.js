// Between the contract and model.js: what the component exports. Texts and bytes are packed there and plain values here.

import { bytes, text } from "./guest.js";
import * as model from "../model.js";

let signature;

function load(config) {
  return answer(() => (signature = model.load(Uint8Array.from(config))));
}

function score(rows, tensors) {
  return answer(() => {
    const rejected = [];
    const reject = (row, reason) => rejected.push({ row, reason: String(reason) });
    const answers = model.score(rows, tensors.map(plain), reject);
    const given = Array.isArray(answers) ? answers.length : "no";
    if (given !== signature.outputs.length) throw new Error(`score returned ${given} arrays for ${signature.outputs.length} outputs`);
    return { outputs: signature.outputs.map(({ dtype }, i) => tensor(dtype, answers[i])), rejected };
  });
}

// What is thrown becomes the call's error, with where it was.
function answer(run) {
  try {
    return run();
  } catch (error) {
    const frames = String(error?.stack ?? "").split("\n").map((line) => line.trim().replace(/^at /, ""));
    const own = frames.filter((frame) => frame && !frame.includes("sandstream/main.js"));
    throw `${error}${own.length ? "; in " + own.join(" < ") : ""}`;
  }
}

function plain({ tag, val }) {
  if (tag !== "text" && tag !== "bytes") return val;
  const values = [];
  let start = 0;
  for (const end of val.ends) {
    const value = val.data.slice(start, end);
    values.push(tag === "text" ? text(value) : Uint8Array.from(value));
    start = end;
  }
  for (const at of val.missing) values[at] = null;
  return values;
}

function tensor(tag, values) {
  if (tag !== "text" && tag !== "bytes") return { tag, val: Array.from(values) };
  const [data, ends, missing] = [[], [], []];
  Array.from(values).forEach((value, at) => {
    if (value === null || value === undefined) missing.push(at);
    else for (const byte of tag === "text" ? bytes(String(value)) : value) data.push(byte);
    ends.push(data.length);
  });
  return { tag, val: { data: Uint8Array.from(data), ends, missing } };
}

export const scoring = { load, score };
