import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";

const CONSTANTS: Readonly<Record<string, number>> = abi;
const readme = readFileSync(new URL("../../src/model/README.md", import.meta.url), "utf8");
const rows = [...readme.matchAll(/^\| (\d+) +\| `([A-Z_]+)` +\|/gm)].map(
  ([, offset, name]) => [name!, Number(offset)] as const,
);

it("states the offsets of assembly/abi.ts", () => {
  expect(rows.length).toBeGreaterThan(90);
  for (const [name, offset] of rows) expect([name, CONSTANTS[name]]).toEqual([name, offset]);
});

it("leaves out no field of a record", () => {
  const fields = Object.keys(CONSTANTS).filter((name) =>
    /^(PREFIX|SECTION|IO|PLAN|TENSOR|STEP|BORDER|CONV|BINARY|POOL|AVERAGE|SOFTMAX|PAD|REQUANTIZE|CONSTANT|LOOKUP|CONCAT|VIEW|RESIZE|REARRANGE)_/.test(
      name,
    ),
  );
  // Sizes of records and limits, which the text states beside the tables.
  const beside =
    /^SECTION_(ENTRY_BYTES|CRITICAL|ALIGNMENT)$|^(IO_MAX_RANK|STEP_MORE_INPUTS|CONCAT_INPUT_BYTES|RESIZE_BITS)$|_(HEADER|RECORD|STEP)_BYTES$|^(PREFIX|TENSOR|SOFTMAX_TABLE|LOOKUP_TABLE)_BYTES$/;
  expect(
    fields.filter((name) => !beside.test(name)).filter((name) => !rows.some(([row]) => row === name)),
  ).toEqual([]);
});

it("states the sizes and limits that it names", () => {
  const stated = [...readme.matchAll(/`([A-Z][A-Z_0-9]+)`,? \(?(\d+)\b/g)];
  expect(stated.length).toBeGreaterThan(25);
  for (const [, name, value] of stated) expect([name, CONSTANTS[name!]]).toEqual([name, Number(value)]);
});
