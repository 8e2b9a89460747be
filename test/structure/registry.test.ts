import { describe, expect, test } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { OPS } from "../../src/ops/index.ts";
import { OP_NAMES } from "../../src/runtime/profile.ts";
import { repositoryFiles, sourceText } from "../cases/sources.ts";

const CONSTANTS = abi as Readonly<Record<string, number>>;
const OPCODES = Object.keys(CONSTANTS).filter((name) => name.startsWith("OP_"));
const STEPS = sourceText("assembly/steps.ts");

/** Names of opcodes by number. */
const NAMES = new Map(OPCODES.map((name) => [CONSTANTS[name]!, name]));

/** The text of one function of an AssemblyScript file, to the brace in column 0. */
function body(text: string, name: string): string {
  const start = text.indexOf(`function ${name}(`);
  expect(start, name).toBeGreaterThanOrEqual(0);
  return text.slice(start, text.indexOf("\n}", start));
}

function cases(text: string): string[] {
  return Array.from(text.matchAll(/case (OP_\w+):/g), ([, name]) => name!);
}

/** Record bytes by opcode, as the engine's switch says. */
function engineRecordBytes(): Map<string, number> {
  const bytes = new Map<string, number>();
  const groups = body(STEPS, "recordBytes").matchAll(/((?:\s*case OP_\w+:)+)\s*return (\w+);/g);
  for (const [, names, constant] of groups) {
    for (const name of cases(names!)) bytes.set(name, CONSTANTS[constant!]!);
  }
  return bytes;
}

const KERNELS = repositoryFiles()
  .filter((path) => /^assembly\/kernels\/.*\.ts$/.test(path))
  .flatMap((path) =>
    Array.from(sourceText(path).matchAll(/^export function (\w+_a\d\w*)\(/gm), ([, name]) => name!),
  );

test("names of ops are unique, opcodes have one number each", () => {
  expect(new Set(OPS.map(({ name }) => name)).size).toBe(OPS.length);
  expect(NAMES.size).toBe(OPCODES.length);
});

test("every opcode but those of the borders and of groups has an op", () => {
  const served = new Set(OPS.map(({ opcode }) => NAMES.get(opcode)));
  expect(OPCODES.filter((name) => !served.has(name))).toEqual(["OP_INPUT", "OP_OUTPUT", "OP_BANDS"]);
});

describe.each(OPS)("$name", (op) => {
  const opcode = NAMES.get(op.opcode)!;

  test("the engine executes it and checks its record", () => {
    expect(cases(sourceText("assembly/executor.ts"))).toContain(opcode);
    const checked = cases(body(STEPS, "checkOp"));
    // The last opcode is the default of that switch.
    if (opcode !== "OP_REQUANTIZE") expect(checked).toContain(opcode);
    expect(body(STEPS, "checkOp")).toContain("default:\n      return checkRequantize(");
  });

  test("both sides agree on the bytes of its record", () => {
    expect(op.stepBytes).toBe(engineRecordBytes().get(opcode));
  });

  test.each(op.kernels)("kernel %s is one for all builds, or has a scalar and a SIMD twin", (kernel) => {
    const found = KERNELS.filter((name) => name === kernel || name.startsWith(`${kernel}__`));
    if (!found.includes(kernel)) {
      expect(found).toEqual(expect.arrayContaining([`${kernel}__scalar`, `${kernel}__simd`]));
    }
    expect(op.kernels.length).toBeGreaterThan(0);
  });
});

test("every kernel of the engine serves an op", () => {
  const declared = new Set(OPS.flatMap(({ kernels }) => kernels));
  expect(KERNELS.filter((name) => !declared.has(name.split("__")[0]!))).toEqual([]);
});

test("the runtime's profile names every opcode", () => {
  const names = OPCODES.map((name) => OP_NAMES[CONSTANTS[name]!]);
  expect(names).toEqual(OPCODES.map((name) => name.slice(3).toLowerCase().replaceAll("_", "-")));
});
