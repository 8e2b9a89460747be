import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { dequantizeValue } from "../numerics/affine.ts";
import type { Activation } from "../ops/activation.ts";
import { normalization } from "../ops/batch-normalization.ts";
import { NO_HALO } from "../ops/index.ts";
import { floatConstant, Rewriting, withConstant } from "./wiring.ts";

/** One number, or one per channel: y = activation(x * scale + offset). */
interface Affine {
  readonly x: number;
  readonly scale: Float64Array;
  readonly offset: Float64Array;
  readonly activation: Activation;
}

type Activated = { readonly activation: Activation };

/** Which axis of the weights is the output channel. */
const CHANNEL_AXIS: Readonly<Record<string, number>> = { conv: 0, depthwise: 3, dense: 0 };

/**
 * Folds a batch normalization, and a product with or sum of a constant per channel, into the convolution or dense layer
 * in front, in float64. A batch normalization of an image that has no such layer becomes a 1x1 depthwise convolution.
 */
export function foldBatchNorm(graph: Graph): Graph {
  const rewriting = new Rewriting(graph);
  for (const node of graph.nodes) {
    const affine = affineOf(graph, node);
    if (affine === null) continue;
    const layer = rewriting.writer(affine.x);
    if (layer !== undefined && foldable(rewriting, layer, affine)) {
      rewriting.merge(layer, node, folded(rewriting, layer, node, affine));
    } else if (node.op === "batchNormalization" && graph.tensors[affine.x]!.shape.length === 4) {
      rewriting.replace(node, standAlone(rewriting, node, affine));
    }
  }
  return rewriting.finish();
}

/** What a node does to every channel; null for a node that does something else. */
function affineOf(graph: Graph, node: Node): Affine | null {
  const [x, ...constants] = node.inputs;
  if (node.op === "batchNormalization") {
    const data = constants.map((index) => floatConstant(graph.tensors[index]));
    if (data.some((values) => values === null)) return null;
    const { epsilon } = node.attributes as { epsilon: number };
    return { x: x!, ...normalization(data as Float32Array[], epsilon), activation: "none" };
  }
  if (node.op !== "add" && node.op !== "mul") return null;
  const found = withConstant(graph, node);
  const output = graph.tensors[node.outputs[0]!]!;
  if (found === null || output.shape.join() !== graph.tensors[found.x]!.shape.join()) return null;
  const { data, shape } = found.constant;
  if (data.length !== 1 && (data.length !== output.shape.at(-1) || shape.at(-1) !== data.length)) return null;
  const { activation } = node.attributes as Activated;
  const values = Float64Array.from(data);
  return node.op === "mul"
    ? { x: found.x, scale: values, offset: values.map(() => 0), activation }
    : { x: found.x, scale: values.map(() => 1), offset: values, activation };
}

function foldable(rewriting: Rewriting, layer: Node, { x, scale }: Affine): boolean {
  const { tensors } = rewriting;
  if (CHANNEL_AXIS[layer.op] === undefined || !rewriting.isInterior(x)) return false;
  if ((layer.attributes as Activated).activation !== "none" || tensors[x]!.dtype !== "float32") return false;
  const bias = tensors[layer.inputs[2] ?? -1];
  const keepsWeights = scale.every((factor) => factor === 1);
  return (
    (keepsWeights || floatConstant(tensors[layer.inputs[1]!]) !== null) &&
    (bias === undefined || bias.data !== undefined)
  );
}

/** The layer with the affine step inside, writing the output of `node`. */
function folded(rewriting: Rewriting, layer: Node, node: Node, { scale, offset, activation }: Affine): Node {
  const weights = rewriting.tensors[layer.inputs[1]!]!;
  const channels = weights.shape[CHANNEL_AXIS[layer.op]!]!;
  const of = (values: Float64Array, channel: number) => values[values.length === 1 ? 0 : channel]!;
  const inner = layer.op === "depthwise" ? 1 : weights.data!.length / channels;
  const inputs = [...layer.inputs];
  if (weights.data instanceof Float32Array) {
    const data = weights.data.map((w, i) => w * of(scale, Math.floor(i / inner) % channels));
    inputs[1] = rewriting.addConstant(weights.name, weights.shape, data);
  }
  const old = rewriting.tensors[layer.inputs[2] ?? -1];
  const data = Float32Array.from({ length: channels }, (_, c) => {
    return (old === undefined ? 0 : real(old, c)) * of(scale, c) + of(offset, c);
  });
  inputs[2] = rewriting.addConstant(old?.name ?? `${layer.name}/bias`, [channels], data);
  return {
    ...layer,
    inputs,
    outputs: node.outputs,
    attributes: { ...(layer.attributes as Activated), activation },
  };
}

/** A number of a constant as a real, be it float or codes. */
function real({ data, quantization }: Tensor, index: number): number {
  const code = Number(data![index]);
  if (quantization === undefined) return code;
  const { scale, zeroPoint } = quantization;
  const at = scale.length === 1 ? 0 : index;
  return dequantizeValue(code, scale[at]!, zeroPoint[at]!);
}

function standAlone(rewriting: Rewriting, node: Node, { x, scale, offset }: Affine): Node {
  const shape = [1, 1, 1, scale.length];
  const weights = rewriting.addConstant(`${node.name}/scale`, shape, Float32Array.from(scale));
  const bias = rewriting.addConstant(`${node.name}/offset`, [scale.length], Float32Array.from(offset));
  const attributes = { stride: [1, 1], dilation: [1, 1], padding: NO_HALO, activation: "none" };
  return { ...node, op: "depthwise", inputs: [x, weights, bias], attributes };
}
