import { expect, test } from "vitest";
import { importsOf, productSources } from "../cases/sources.ts";

const BASE = ["abi", "error", "numerics"];
const GRAPH = [...BASE, "graph"];
const OPS = [...GRAPH, "ops"];
/** Everything that works on graphs: equals, which know the ops but not each other. */
const STAGES = ["import", "passes", "float", "calibrate", "quantize", "plan"];

/** DESIGN section 2: what the files of a part of src may import besides files of their own part. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  error: [],
  numerics: ["abi", "error"],
  graph: BASE,
  ops: GRAPH,
  ...Object.fromEntries(STAGES.map((stage) => [stage, OPS])),
  calibrate: [...OPS, "float"], // observers run the float meaning of a graph
  quantize: [...OPS, "float"], // rounding fits weights to what their inputs were
  inputs: [...GRAPH, "import"], // numpy's format
  model: [...OPS, "plan"], // the writer encodes steps by their ops, and offsets of the layout
  precision: [...OPS, ...STAGES],
  compile: [...OPS, ...STAGES, "model", "precision"],
  runtime: [...BASE, "model"],
  export: [...OPS, "model", "precision"], // graphs as ONNX, annotated from a model file
  report: [...OPS, ...STAGES, "model", "precision", "compile", "runtime"],
  cli: [...OPS, ...STAGES, "inputs", "model", "precision", "compile", "runtime", "export", "report"],
};

/** Packages that a part may use; the others use none. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  float: /^node:(fs\/promises|worker_threads|os)$/,
  import: /^(flatbuffers|protobufjs(\/.*)?|node:.*)$/,
  export: /^protobufjs\//,
  inputs: /^jpeg-js$/,
  model: /^protobufjs\//,
  precision: /^#highs$/,
  runtime: /^node:(fs\/promises|os|worker_threads)$/,
  cli: /./,
  report: /^node:/,
};

/** All that a device loads: the session, and the readers of what it reads. */
const ON_DEVICES =
  /^(src\/(runtime|numerics)\/|src\/error\.ts|src\/model\/(reader|io)\.ts|assembly\/(abi\.ts|build\/engine.*\.wasm))/;

const FILES = productSources();
const SOURCES = FILES.filter((path) => path.startsWith("src/"));

/** The part that a file belongs to: its folder below src, or its own name there. */
function partOf(path: string): string {
  return path === "assembly/abi.ts" ? "abi" : path.split("/")[1]!.replace(/\.ts$/, "");
}

function isInternal(target: string): boolean {
  return /^(src|assembly)\//.test(target);
}

test("every part of src has a row in the table", () => {
  expect(SOURCES.map(partOf).filter((part) => MAY_IMPORT[part] === undefined)).toEqual([]);
});

test("imports follow the arrows", () => {
  const wrong = SOURCES.flatMap((path) => {
    const allowed = [partOf(path), ...MAY_IMPORT[partOf(path)]!];
    const targets = importsOf(path).filter(isInternal);
    return targets
      .filter((target) => !target.endsWith(".wasm") && !allowed.includes(partOf(target)))
      .map((target) => `${path} -> ${target}`);
  });
  expect(wrong).toEqual([]);
});

test("of assembly, src imports only the constants and the built engines; assembly imports nothing of src", () => {
  const wrong = FILES.flatMap((path) => {
    const foreign = (target: string) =>
      path.startsWith("src/")
        ? target.startsWith("assembly/") && target !== "assembly/abi.ts" && !target.endsWith(".wasm")
        : !target.startsWith("assembly/");
    return importsOf(path)
      .filter(foreign)
      .filter((target) => isInternal(target) || path.startsWith("assembly/"))
      .map((target) => `${path} -> ${target}`);
  });
  expect(wrong).toEqual([]);
});

test("packages stay in the parts that may use them", () => {
  const wrong = SOURCES.flatMap((path) => {
    const packages = importsOf(path).filter((target) => !isInternal(target));
    const allowed = PACKAGES[partOf(path)];
    return packages.filter((name) => !allowed?.test(name)).map((name) => `${path} -> ${name}`);
  });
  expect(wrong).toEqual([]);
});

/** Files and packages that files import, and what those import. */
function reachedFrom(files: readonly string[]): string[] {
  const reached = new Set<string>();
  const visit = (path: string) => {
    if (reached.has(path)) return;
    reached.add(path);
    if (isInternal(path) && !path.endsWith(".wasm")) importsOf(path).forEach(visit);
  };
  files.forEach(visit);
  return [...reached];
}

test("what the runtime reaches is what may ship to devices", () => {
  const reached = reachedFrom(SOURCES.filter((path) => partOf(path) === "runtime")).filter(isInternal);
  expect(reached.filter((path) => !ON_DEVICES.test(path))).toEqual([]);
  expect(reached).toContain("src/model/reader.ts");
});

test("the compiler, its samples and reports run in a page: nothing of Node", () => {
  const reached = reachedFrom(["src/compile/index.ts", "src/inputs/index.ts", "src/report/index.ts"]);
  expect(reached.filter((path) => path.startsWith("node:") || path.startsWith("src/cli/"))).toEqual([]);
  const packages = ["#highs", "flatbuffers", "jpeg-js", "protobufjs/minimal.js"]; // HiGHS is left out of pages
  expect(reached.filter((path) => !isInternal(path)).sort()).toEqual(packages);
});

test("no cycles between files", () => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    if (done.has(path) || trail.includes(path)) return;
    for (const target of importsOf(path).filter(isInternal)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of FILES) visit(path, []);
  expect(cycles).toEqual([]);
});
