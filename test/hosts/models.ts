// The models that every host runs, with their inputs and what the integer reference says they compute.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileGraph } from "../../src/compile.ts";
import { elements } from "../../src/graph/graph.ts";
import type { IntegerGraph } from "../../src/graph/integer.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";
import { codes, GOLDEN_MODELS, importGolden, samples } from "../cases/models.ts";
import { borderBytes } from "../cases/wasi.ts";

const RANDOM_SEEDS = [1, 2, 3, 5, 8, 13, 21, 34];
const SAMPLES = 3;

/** An input or output: its io record, its bytes, and whether its codes are uint8. */
export interface HostBorder {
  readonly name: string;
  readonly io: number;
  readonly bytes: number;
  readonly unsigned: boolean;
}

/** A model on disk and all that an embedder must know to run it; the Python host reads this as JSON. */
export interface HostModel {
  readonly name: string;
  readonly model: string;
  /** Raw samples one behind the other. */
  readonly input: string;
  readonly samples: number;
  readonly inputs: readonly HostBorder[];
  readonly outputs: readonly HostBorder[];
  /** SHA-256 of the raw outputs of all samples by the TypeScript reference. */
  readonly expected: string;
}

/** Compiles every model into `directory`, with a manifest beside them. */
export function prepareModels(directory: string): HostModel[] {
  mkdirSync(directory, { recursive: true });
  const random = RANDOM_SEEDS.map((seed) => {
    const source = randomGraph(seed);
    const { model, integer } = compileGraph(source);
    const rows = Array.from({ length: SAMPLES }, (_, i) => randomInputs(source, seed + 1000 * i));
    return store(directory, `random-${seed}`, model, integer, rows);
  });
  const all = [...(assetsDirectory === null ? [] : goldenModels(directory)), ...random];
  writeFileSync(join(directory, "manifest.json"), JSON.stringify(all, null, 2));
  return all;
}

function goldenModels(directory: string): HostModel[] {
  return GOLDEN_MODELS.filter(({ layers }) => layers).map((golden) => {
    const { name, path } = golden;
    const { model, integer } = compileGraph(importGolden(golden), { file: path });
    const size = elements(integer.tensors[integer.inputs[0]!.tensor]!.shape);
    const rows = samples(codes(`golden/${name}/input.npy`), size).slice(0, SAMPLES);
    return store(
      directory,
      name,
      model,
      integer,
      rows.map((row) => [row]),
    );
  });
}

function store(
  directory: string,
  name: string,
  model: Uint8Array,
  graph: IntegerGraph,
  rows: readonly (readonly Int8Array[])[],
): HostModel {
  const outputs = rows.map((row) => {
    const tensors = runReference(graph, row);
    return borderBytes(
      graph.outputs.map(({ tensor }) => tensors[tensor]!),
      graph.outputs,
    );
  });
  const paths = { model: join(directory, `${name}.dyad`), input: join(directory, `${name}.in`) };
  writeFileSync(paths.model, model);
  writeFileSync(paths.input, Buffer.concat(rows.map((row) => borderBytes(row, graph.inputs))));
  const borders = (list: IntegerGraph["inputs"], first: number): HostBorder[] =>
    list.map(({ name, tensor, dtype }, i) => ({
      name,
      io: first + i,
      bytes: elements(graph.tensors[tensor]!.shape),
      unsigned: dtype === "uint8",
    }));
  return {
    name,
    ...paths,
    samples: rows.length,
    inputs: borders(graph.inputs, 0),
    outputs: borders(graph.outputs, graph.inputs.length),
    expected: createHash("sha256").update(Buffer.concat(outputs)).digest("hex"),
  };
}
