import { DyadicError } from "../error.ts";
import { canonicalShape, type Graph, type Node, type Shape, type Tensor } from "../graph/graph.ts";
import { realsOf } from "../graph/reals.ts";
import type { ConvAttributes } from "../ops/conv.ts";
import { NO_HALO, opNamed } from "../ops/index.ts";
import type { Window } from "../ops/window.ts";

/** A node with weights as rows of taps: output channel n has the taps that it multiplies, in the order (y, x, channel). */
export interface Layer {
  readonly node: Node;
  readonly window: Window;
  readonly input: Shape;
  readonly output: Shape;
  /** Runs of output channels that see their own run of input channels; depthwise has as many as channels. */
  readonly groups: number;
  /** Output channels and taps of one group. */
  readonly rows: number;
  readonly taps: number;
  /** Float weights, [groups * rows][taps]. */
  readonly weights: Float64Array;
  /** Float biases, [groups * rows]; zeros where there are none. */
  readonly biases: Float64Array;
  /** Index in the weight tensor of tap k of row n. */
  at(n: number, k: number): number;
}

const POINT = { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: NO_HALO } as const;

/** Where a layer stands: what a choice of width and method may depend on. */
export interface LayerPlace {
  readonly name: string;
  readonly op: string;
  /** Position among the layers with weights, and how many there are. */
  readonly index: number;
  readonly count: number;
}

/** The nodes with weights, and their positions in the graph. */
export function layersOf(graph: Graph): { node: Node; position: number; place: LayerPlace }[] {
  const layers = graph.nodes.flatMap((node, position) =>
    opNamed(node.op).weightAxis === undefined ? [] : [{ node, position }],
  );
  return layers.map((layer, index) => {
    const { name, op } = layer.node;
    return { ...layer, place: { name, op, index, count: layers.length } };
  });
}

/**
 * The rows and windows of a conv, depthwise or dense node of a float graph. Throws UNSUPPORTED_OP for weights that are
 * computed at run time.
 */
export function layerOf(node: Node, graph: Graph): Layer {
  const [x, w, b] = node.inputs.map((input) => graph.tensors[input]) as [Tensor, Tensor, Tensor?];
  if (w.data === undefined || (b !== undefined && b.data === undefined)) {
    throw new DyadicError("UNSUPPORTED_OP", "the weights are computed at run time, not constant", {
      node: node.name,
      op: node.op,
    });
  }
  const y = graph.tensors[node.outputs[0]!]!;
  const attributes = node.attributes as ConvAttributes;
  const depthwise = node.op === "depthwise";
  const [, height, width] = w.shape as [number, number, number, number];
  const window = node.op === "dense" ? POINT : { ...attributes, kernel: [height, width] as const };
  const input = canonicalShape(x.shape, x.name);
  const output = canonicalShape(y.shape, y.name);
  const groups = depthwise ? output[2] : (attributes.groups ?? 1);
  const rows = output[2] / groups;
  const reals = realsOf(w);
  const taps = reals.length / output[2];
  const at = depthwise ? (n: number, k: number) => k * output[2] + n : (n: number, k: number) => n * taps + k;
  const weights = Float64Array.from(reals, (_, i) => reals[at(Math.floor(i / taps), i % taps)]!);
  const biases = b === undefined ? new Float64Array(output[2]) : Float64Array.from(realsOf(b));
  return { node, window, input, output, groups, rows, taps, weights, biases, at };
}
