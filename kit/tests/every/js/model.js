import { artifact, log, text } from "./sandstream/guest.js";

let greeting;

export function load(config) {
  let found = true;
  try {
    artifact("no such file");
  } catch {
    found = false;
  }
  if (found) throw new Error("an artifact that is not there was read");
  greeting = text(artifact(text(config)));
  log("debug", `loaded ${greeting.length} characters`);
  return {
    inputs: [
      { name: "name", dtype: "text", fields: ["name"] },
      { name: "raw", dtype: "bytes", fields: ["$value"] },
      { name: "count", dtype: "int64", fields: ["count"] },
      { name: "x", dtype: "float64", fields: ["x"] },
    ],
    outputs: [
      { name: "greeting", dtype: "text", width: 1 },
      { name: "raw", dtype: "bytes", width: 1 },
      { name: "next", dtype: "int64", width: 1 },
      { name: "twice", dtype: "float64", width: 2 },
    ],
  };
}

export function score(rows, [names, raws, count, x], reject) {
  count.forEach((n, row) => n < 0 && reject(row, `${names[row]}: a count below 0`));
  return [
    names.map((name) => (name === null ? null : greeting + name)),
    raws.map((raw) => raw.slice(0, 3)),
    Array.from(count, (n) => Number(n) + 1),
    x.flatMap((value) => [value, 2 * value]),
  ];
}
