// Networks that start in the middle, so that a perturbation of a late layer does not run the early ones again.
import { FloatNetwork } from "../../float/network.ts";
import type { Samples } from "../../float/samples.ts";
import type { Border, Graph, Tensor } from "../../graph/graph.ts";
import { singleNode } from "../../quantize/single.ts";

/** Values of all samples that are alive in front of a node: they move forward with it, one node at a time. */
export class Frontier {
  /** Position of the next node. */
  position = 0;
  private readonly graph: Graph;
  private readonly module: WebAssembly.Module;
  private readonly values = new Map<number, readonly Float32Array[]>();

  constructor(graph: Graph, samples: Samples, module: WebAssembly.Module) {
    this.graph = graph;
    this.module = module;
    graph.inputs.forEach(({ tensor }, i) => {
      this.values.set(
        tensor,
        Array.from({ length: samples.length }, (_, s) => samples.at(s)![i]!),
      );
    });
  }

  /** Values of one tensor, a sample each. */
  of(tensor: number): readonly Float32Array[] {
    return this.values.get(tensor)!;
  }

  /** Runs the float network up to a node, which must not lie behind. */
  async advance(position: number): Promise<void> {
    const { graph, values } = this;
    for (; this.position < position; this.position++) {
      const node = graph.nodes[this.position]!;
      const network = await singleNode(graph, node, this.module);
      const inputs = node.inputs.filter((tensor) => values.has(tensor));
      const count = values.get(inputs[0] ?? graph.inputs[0]!.tensor)!.length;
      const outputs = Array.from(
        { length: count },
        (_, s) => network.run(inputs.map((tensor) => this.of(tensor)[s]!))[0]!,
      );
      values.set(node.outputs[0]!, outputs);
      const needed = liveInputs(graph, this.position + 1);
      for (const tensor of values.keys()) if (!needed.includes(tensor)) values.delete(tensor);
    }
  }
}

/** Activations that the nodes from a position on read, and the model's outputs, as far as they are written before it. */
export function liveInputs(graph: Graph, position: number): number[] {
  const written = new Set(graph.nodes.slice(position).flatMap(({ outputs }) => outputs));
  const read = graph.nodes.slice(position).flatMap(({ inputs }) => inputs);
  const used = [...read, ...graph.outputs.map(({ tensor }) => tensor)];
  const isLive = (tensor: number) =>
    tensor >= 0 && graph.tensors[tensor]!.data === undefined && !written.has(tensor);
  return [...new Set(used.filter(isLive))];
}

/** Weights and bias of a node in place of its own. */
export interface Replacement {
  /** Position of the node. */
  readonly node: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** The nodes from a position on, as a network of the values that are alive there; constants replaced where given. */
export function suffixNetwork(
  graph: Graph,
  position: number,
  module: WebAssembly.Module,
  replaced: readonly Replacement[] = [],
): Promise<{ network: FloatNetwork; inputs: readonly number[] }> {
  const live = liveInputs(graph, position);
  const border = (tensor: number): Border => {
    const { name, shape } = graph.tensors[tensor]!;
    return { name, tensor, dtype: "float32", shape, layout: "flat" };
  };
  const tensors: Tensor[] = [...graph.tensors];
  const nodes = graph.nodes.slice(position);
  for (const { node, weights, bias } of replaced) {
    const own = nodes[node - position]!;
    const constant = (name: string, shape: readonly number[], data: Float32Array) =>
      tensors.push({ name, dtype: "float32", shape, data }) - 1;
    const inputs = [
      own.inputs[0]!,
      constant("weights", tensors[own.inputs[1]!]!.shape, weights),
      constant("bias", [bias.length], bias),
    ];
    nodes[node - position] = { ...own, inputs };
  }
  const suffix: Graph = { ...graph, tensors, nodes, inputs: live.map(border) };
  return FloatNetwork.create(suffix, module).then((network) => ({ network, inputs: live }));
}
