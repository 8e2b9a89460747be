import { DyadicError } from "../error.ts";
import { elements, type Graph, type Node } from "../graph/graph.ts";
import { opNamed } from "../ops/index.ts";
import { bindBackward } from "./backward.ts";
import { boundsOf, type Step } from "./binding.ts";
import { instantiateCalibrator } from "./calibrator.ts";
import { Layout } from "./layout.ts";
import { located, requireFloat } from "./network.ts";

/** Gradients by tensor index: what the caller knows of the loss, mostly at the logits. */
export type Seeds = ReadonlyMap<number, Float32Array>;

/**
 * Reverse-mode differentiation of a float graph (Linnainmaa 1970), one sample at a time: the gradient of a loss in
 * every activation and every constant. Nothing depends on the host, nor on what ran before.
 */
export class GradientNetwork {
  readonly graph: Graph;
  private readonly layout: Layout;
  private readonly forward: Step[];
  private readonly reverse: Step[];
  private readonly scratch: number;
  /** Address of the gradient in front of a fused activation, of the node at work. */
  private readonly masked: number;
  /** Addresses of gradients by tensor; those of activations lie together, as do those of constants. */
  private readonly addresses: readonly number[];
  private readonly activations: Extent;
  private readonly constants: Extent;

  private constructor(layout: Layout) {
    const { graph } = layout;
    this.graph = graph;
    this.layout = layout;
    const begin = layout.reserve(layout.activationBytes);
    this.activations = { begin, bytes: layout.activationBytes };
    const own = new Map<number, number>();
    for (const tensor of trainable(graph)) {
      own.set(tensor, layout.reserve(elements(graph.tensors[tensor]!.shape) * 4));
    }
    const [first = begin, last = begin] = [[...own.values()][0], layout.reserve(0)];
    this.constants = { begin: first, bytes: last - first };
    const base = layout.wasm.heap_base();
    this.addresses = layout.addresses.map((address, tensor) =>
      address < 0 ? (own.get(tensor) ?? -1) : address - base + begin,
    );
    const largest = Math.max(
      0,
      ...graph.nodes.map(({ outputs }) => elements(graph.tensors[outputs[0]!]!.shape)),
    );
    this.masked = layout.reserve(largest * 4);
    this.forward = graph.nodes.map((node) => located(node, () => layout.bind(node)));
    this.reverse = graph.nodes.map((node) => located(node, () => this.bind(node)));
    this.scratch = layout.finish();
    this.clear();
  }

  /**
   * Lays out a graph whose activations are float32; its activations and their gradients stay in memory together.
   * Throws as `FloatNetwork.create` does.
   *
   * @param module assembly/build/calibrator.wasm, compiled
   */
  static async create(graph: Graph, module: WebAssembly.Module): Promise<GradientNetwork> {
    requireFloat(graph);
    return new GradientNetwork(new Layout(graph, await instantiateCalibrator(module), true));
  }

  /** Constants that have gradients: what the graph's nodes read as float values. */
  get parameters(): readonly number[] {
    return trainable(this.graph);
  }

  /** Runs one sample and returns copies of the model outputs. Throws BAD_INPUT for inputs of the wrong size. */
  run(inputs: readonly Float32Array[]): Float32Array[] {
    this.layout.setInputs(inputs);
    for (const step of this.forward) step(this.scratch);
    return this.graph.outputs.map(({ tensor }) => this.layout.values(tensor).slice());
  }

  /**
   * The gradients of the sample that ran last. Those of activations are its own; those of constants add up over
   * samples until `clear`. Throws UNSUPPORTED_OP, naming the node, for an op that has no derivative on the way.
   */
  backward(seeds: Seeds): void {
    const { graph, layout, reverse, scratch } = this;
    layout.wasm.clear(this.activations.begin, this.activations.bytes);
    for (const [tensor, values] of seeds) this.gradient(tensor).set(values);
    const reached = new Set(seeds.keys());
    for (let k = graph.nodes.length - 1; k >= 0; k--) {
      const { inputs, outputs } = graph.nodes[k]!;
      if (!outputs.some((output) => reached.has(output))) continue;
      reverse[k]!(scratch);
      for (const input of inputs) reached.add(input);
    }
  }

  /** Sets the gradients of all constants to zero. */
  clear(): void {
    this.layout.wasm.clear(this.constants.begin, this.constants.bytes);
  }

  /** What the last run made of an activation, or a constant's values: a view, not to be written. */
  value(tensor: number): Float32Array {
    return this.layout.values(tensor);
  }

  /** A view of a tensor's gradient, valid until the next `backward` or `clear`. */
  gradient(tensor: number): Float32Array {
    const { shape, name } = this.graph.tensors[tensor]!;
    const address = this.addresses[tensor]!;
    if (address < 0) throw new DyadicError("BAD_ARGUMENT", `"${name}" has no gradient`, {});
    return this.layout.view(address, elements(shape));
  }

  /** Gives a constant other values, for the runs that follow. */
  setConstant(tensor: number, values: Float32Array): void {
    this.layout.change(tensor, values);
    this.graph.nodes.forEach((node, k) => {
      if (!node.inputs.includes(tensor)) return;
      this.forward[k] = this.layout.bind(node);
      this.reverse[k] = this.bind(node);
    });
  }

  private bind(node: Node): Step {
    const { layout, addresses, masked } = this;
    const own = addresses[node.outputs[0]!]!;
    const into = node.inputs.map((input) => addresses[input] ?? -1);
    const [low, high] = boundsOf(node) ?? [-Infinity, Infinity];
    const isClamped = low !== -Infinity || high !== Infinity;
    const gradient = isClamped ? masked : own;
    const binding = { ...layout.binding(node, node.outputs), gradient, into };
    const step = bindBackward(binding) ?? this.definition(node, gradient);
    if (!isClamped) return step;
    const count = elements(binding.output.shape);
    return (scratch) => {
      layout.wasm.mask(own, binding.to, masked, count, low, high);
      step(scratch);
    };
  }

  private definition(node: Node, gradient: number): Step {
    const { layout } = this;
    const op = opNamed(node.op);
    const [output] = node.outputs as [number];
    return () => {
      if (op.gradient === undefined) {
        throw new DyadicError("UNSUPPORTED_OP", "the op has no derivative", { node: node.name, op: node.op });
      }
      const value = { shape: this.graph.tensors[output]!.shape, data: layout.values(output) };
      const parts = op.gradient(
        layout.view(gradient, value.data.length),
        layout.operands(node),
        value,
        node.attributes,
      );
      parts.forEach((part, i) => {
        const address = this.addresses[node.inputs[i]!] ?? -1;
        if (part === undefined || address < 0) return;
        const target = layout.view(address, part.length);
        for (let k = 0; k < part.length; k++) target[k]! += part[k]!;
      });
    };
  }
}

interface Extent {
  readonly begin: number;
  readonly bytes: number;
}

function trainable({ nodes, tensors }: Graph): number[] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  return [...read].filter((tensor) => tensors[tensor]?.data !== undefined).sort((a, b) => a - b);
}
