import { FloatNetwork } from "../float/network.ts";
import { forEachSample, type Progress, type Samples } from "../float/samples.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { opNamed } from "../ops/index.ts";

/** Mean and standard deviation of every channel. */
export interface ChannelStatistics {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/**
 * Statistics of what every layer with weights computes over a set of samples, in front of its activation, by the index
 * of the tensor that it writes: what a batch normalization in front of that activation would have known, folded or not.
 */
export async function channelStatistics(
  graph: Graph,
  samples: Samples,
  module: WebAssembly.Module,
  progress: Progress = {},
): Promise<ReadonlyMap<number, ChannelStatistics>> {
  const { split, bare } = splitActivations(graph);
  const network = await FloatNetwork.create(split, module);
  const sums = new Map<number, ChannelSums>();
  const visit = (tensor: number, values: Float32Array) => {
    const output = bare.get(tensor);
    if (output === undefined) return;
    const channels = graph.tensors[output]!.shape.at(-1)!;
    const own = sums.get(output) ?? new ChannelSums(channels);
    sums.set(output, own);
    own.add(values);
  };
  await forEachSample(samples, (sample) => void network.run(sample, visit), progress);
  return new Map([...sums].map(([tensor, own]) => [tensor, own.finish()]));
}

/** The graph with activations of layers as nodes of their own; and, by bare output, the tensor that the layer wrote. */
function splitActivations(graph: Graph): { split: Graph; bare: ReadonlyMap<number, number> } {
  const tensors: Tensor[] = [...graph.tensors];
  const bare = new Map<number, number>();
  const nodes = graph.nodes.flatMap((node): Node[] => {
    if (opNamed(node.op).weightAxis === undefined) return [node];
    const output = node.outputs[0]!;
    const raw = tensors.push(graph.tensors[output]!) - 1;
    bare.set(raw, output);
    const { activation } = node.attributes as { activation: string };
    const layer = {
      ...node,
      outputs: [raw],
      attributes: { ...(node.attributes as object), activation: "none" },
    };
    return [
      layer,
      { name: node.name, op: "requantize", inputs: [raw], outputs: [output], attributes: { activation } },
    ];
  });
  return { split: { ...graph, tensors, nodes }, bare };
}

/** Sums of one tensor's channels, about the first sample's values so that squares keep their digits. */
export class ChannelSums {
  private readonly origin: Float64Array;
  private readonly first: Float64Array;
  private readonly second: Float64Array;
  private count = 0;

  constructor(channels: number) {
    this.origin = new Float64Array(channels);
    this.first = new Float64Array(channels);
    this.second = new Float64Array(channels);
  }

  add(values: Float32Array): void {
    const { origin, first, second } = this;
    const channels = origin.length;
    if (this.count === 0) origin.set(values.subarray(0, channels));
    for (let i = 0; i < values.length; ) {
      for (let c = 0; c < channels; c++, i++) {
        const value = values[i]! - origin[c]!;
        first[c]! += value;
        second[c]! += value * value;
      }
    }
    this.count += values.length / channels;
  }

  finish(): ChannelStatistics {
    const { origin, first, second, count } = this;
    const mean = first.map((sum, c) => origin[c]! + sum / count);
    const deviation = second.map((sum, c) => Math.sqrt(Math.max(0, sum / count - (first[c]! / count) ** 2)));
    return { mean, deviation };
  }
}
