// Intact files of every format that mutations start from: small, so that a random byte often matters.
import { exportOnnx } from "../../src/export/onnx/index.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { OPERATORS } from "../../src/import/onnx/operators.ts";
import { simplify } from "../../src/passes/index.ts";
import { randomFloatGraph } from "../cases/floats.ts";
import { randomGraph } from "../cases/graphs.ts";
import { smallModels } from "../cases/hostile-run.ts";
import { attributes, buildOnnx, float, ints, type OnnxModel, type OnnxTensor, Type } from "../cases/onnx.ts";
import { buildTflite, type TfliteModel } from "../cases/tflite.ts";
import { describeTflite, inFloat32 } from "../cases/tflite-export.ts";

export const FORMATS = ["dyad", "tflite", "onnx"] as const;
export type Format = (typeof FORMATS)[number];

/** A file, and where there is one, the description that it was built from. */
export interface Seed {
  readonly bytes: Uint8Array;
  readonly description?: TfliteModel | OnnxModel;
}

const MOST_BYTES = 6000;
const EACH = 40;

export function seedsOf(format: Format): Seed[] {
  if (format === "dyad") return smallModels(24).map((bytes) => ({ bytes }));
  return format === "tflite" ? tfliteSeeds() : onnxSeeds();
}

/** The first graphs of a family that have a small file. */
function collect(make: (seed: number) => Graph, write: (graph: Graph) => Seed): Seed[] {
  const seeds: Seed[] = [];
  for (let seed = 1; seeds.length < EACH && seed < 50 * EACH; seed++) {
    try {
      const found = write(make(seed));
      if (found.bytes.length <= MOST_BYTES) seeds.push(found);
    } catch {
      // The format has no form for this graph.
    }
  }
  return seeds;
}

function tfliteSeeds(): Seed[] {
  return collect(
    (seed) => inFloat32(randomGraph(seed)),
    (graph) => {
      const description = describeTflite(graph);
      return { bytes: buildTflite(description), description };
    },
  );
}

function onnxSeeds(): Seed[] {
  const form = { activations: "uint8", borders: "float32" } as const;
  return [
    ...collect(
      (seed) => simplify(inFloat32(randomGraph(seed))),
      (graph) => ({ bytes: exportOnnx(graph, form) }),
    ),
    ...collect(randomFloatGraph, (graph) => ({ bytes: exportOnnx(graph) })),
    ...operatorModels().map((description) => ({ bytes: buildOnnx(description), description })),
  ];
}

/** One operator on an image, with the constants and attributes that some operator has a use for. */
function operatorModels(): OnnxModel[] {
  const constants: readonly (readonly OnnxTensor[])[] = [
    [],
    [float([2, 2, 2, 2])],
    [float([1])],
    [ints([1, 2, 2, 2])],
    [float([1]), { dims: [], type: Type.UINT8, data: [3] }],
    [ints([0, 0, 1, 1, 0, 0, 1, 1])],
    [float([1]), float([1])],
    [float([0]), float([0]), ints([1, 2, 4, 4])],
    [{ dims: [2, 2], type: Type.INT8, data: [1, -2, 3, -4] }, float([1])],
  ];
  const common = attributes({
    axis: 1,
    kernel_shape: [2, 2],
    strides: [1, 1],
    blocksize: 2,
    to: 1,
    axes: [2],
  });
  return Object.keys(OPERATORS).flatMap((type, i) => {
    const [domain, op] = type.includes(".")
      ? [type.slice(0, type.lastIndexOf(".")), type.split(".").at(-1)!]
      : ["", type];
    return [0, 1, 2].map((round) => {
      const operands = constants[(3 * i + round) % constants.length]!;
      const names = operands.map((_, k) => `c${k}`);
      return {
        inputs: [{ name: "x", shape: [1, 2, 4, 4], ...(round === 2 && { type: Type.UINT8 }) }],
        outputs: ["y"],
        initializers: Object.fromEntries(names.map((name, k) => [name, operands[k]!])),
        nodes: [{ op, domain, name: "node", inputs: ["x", ...names], outputs: ["y"], attributes: common }],
        opset: 21,
      };
    });
  });
}
