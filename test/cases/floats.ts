import { readFileSync } from "node:fs";
import { elements, type Graph } from "../../src/graph/graph.ts";
import { opNamed } from "../../src/ops/index.ts";
import { dequantizeGraph } from "../../src/quantize/dequantize.ts";
import { randomGraph } from "./graphs.ts";
import { Random } from "./random.ts";

const file = new URL("../../assembly/build/calibrator.wasm", import.meta.url);

export function calibratorBytes(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(file));
}

/** The float twin of the random quantized graph of a seed. */
export function randomFloatGraph(seed: number): Graph {
  return dequantizeGraph(randomGraph(seed));
}

/** Samples whose values spread about 1 around 0. */
export function randomSamples(graph: Graph, seed: number, count: number): Float32Array[][] {
  const random = new Random(seed ^ 0x2545f491);
  const value = () => random.between(-1, 1) + random.between(-1, 1);
  return Array.from({ length: count }, () =>
    graph.inputs.map(({ shape }) => Float32Array.from({ length: elements(shape) }, value)),
  );
}

/** Every activation of a graph by the ops' own definitions; constants stay undefined. */
export function runDefinitions(graph: Graph, inputs: readonly Float32Array[]): (Float32Array | undefined)[] {
  const values: (Float32Array | undefined)[] = graph.tensors.map(() => undefined);
  graph.inputs.forEach(({ tensor }, i) => {
    values[tensor] = inputs[i]!;
  });
  for (const node of graph.nodes) {
    const operands = node.inputs.map((input) => {
      const tensor = graph.tensors[input];
      return tensor && { shape: tensor.shape, data: (tensor.data as Float32Array) ?? values[input]! };
    });
    values[node.outputs[0]!] = opNamed(node.op).float(operands, node.attributes).data;
  }
  return values;
}

/** Largest |a - b| over the largest |b|: how far two tensors are apart, in units of the second one's range. */
export function relativeError(a: Float32Array, b: Float32Array): number {
  let [error, range] = [0, 0];
  b.forEach((value, i) => {
    error = Math.max(error, Math.abs(a[i]! - value));
    range = Math.max(range, Math.abs(value));
  });
  return error === 0 ? 0 : error / range;
}
