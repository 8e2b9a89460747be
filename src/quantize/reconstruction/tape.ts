// One unit of a quantized network in floats that stand for its codes, with gradients.
import { GradientNetwork } from "../../float/gradients.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { realsOf } from "../../graph/reals.ts";
import { activationRange } from "../../numerics/pack.ts";
import { type Activation, activationCodes } from "../../ops/activation.ts";
import { affineOf } from "../../ops/affine.ts";
import type { FakeQuantizeAttributes } from "../../ops/fake-quantize.ts";
import { opNamed } from "../../ops/index.ts";
import { type Layer, layerOf } from "../layer.ts";
import type { Unit } from "./unit.ts";

/** A layer on the tape: its constants can be exchanged, and its gradients add up until they are cleared. */
export interface TapeLayer {
  readonly layer: Layer;
  /** The layer's node in the quantized graph. */
  readonly base: Node;
  /** Sets the weights, [channels][taps], and the bias. */
  load(weights: Float64Array, bias: Float64Array): void;
  /** Gradients by the weights, [channels][taps], and by the bias. */
  gradients(): { readonly weights: Float64Array; readonly bias: Float64Array };
}

export class Tape {
  readonly layers: readonly TapeLayer[];
  private readonly network: GradientNetwork;
  private readonly simulated: Simulated;
  private readonly unit: Unit;

  private constructor(network: GradientNetwork, simulated: Simulated, unit: Unit, graph: Graph) {
    this.network = network;
    this.simulated = simulated;
    this.unit = unit;
    this.layers = unit.nodes
      .filter(({ op }) => opNamed(op).weightAxis !== undefined)
      .map((node) => this.layer(layerOf(node, graph)));
  }

  /**
   * Throws OUT_OF_MEMORY.
   *
   * @param base the quantized graph, node for node
   */
  static async create(module: WebAssembly.Module, graph: Graph, base: Graph, unit: Unit): Promise<Tape> {
    const simulated = simulate(graph, base, unit);
    return new Tape(await GradientNetwork.create(simulated.graph, module), simulated, unit, graph);
  }

  /** The unit's quantized output for one sample's input. */
  run(input: Float32Array): Float32Array {
    return this.network.run([input])[0]!;
  }

  /** What a node computed for the sample that ran last, before it was clamped and rounded: a view. */
  raw(node: Node): Float32Array {
    return this.network.value(this.simulated.nodes.get(node)!.outputs[0]!);
  }

  /**
   * Walks back from dL/doutput of the sample that ran last; the layers' gradients add up until `clear`.
   * Throws UNSUPPORTED_OP, naming the node, for an op without a derivative.
   */
  back(gradient: Float32Array): void {
    this.network.backward(new Map([[this.unit.output, gradient]]));
  }

  clear(): void {
    this.network.clear();
  }

  private layer(layer: Layer): TapeLayer {
    const { network, simulated } = this;
    const { taps, at } = layer;
    const [, weights, bias] = simulated.nodes.get(layer.node)!.inputs as [number, number, number];
    const place = (i: number) => at(Math.floor(i / taps), i % taps);
    return {
      layer,
      base: simulated.bases.get(layer.node)!,
      load(values, biases) {
        const data = new Float32Array(values.length);
        for (let i = 0; i < values.length; i++) data[place(i)] = values[i]!;
        network.setConstant(weights, data);
        network.setConstant(bias, Float32Array.from(biases));
      },
      gradients() {
        const own = network.gradient(weights);
        return {
          weights: Float64Array.from(own, (_, i) => own[place(i)]!),
          bias: Float64Array.from(network.gradient(bias)),
        };
      },
    };
  }
}

/** A float graph that computes what the codes stand for; and, of every node, its nodes there and in the quantized graph. */
interface Simulated {
  readonly graph: Graph;
  readonly nodes: ReadonlyMap<Node, Node>;
  readonly bases: ReadonlyMap<Node, Node>;
}

/** The unit with the quantized constants as reals, and a rounding behind every node that does not just move codes. */
function simulate(graph: Graph, base: Graph, unit: Unit): Simulated {
  const tensors: Tensor[] = graph.tensors.map((tensor) => ({ ...tensor, dtype: "float32" }));
  const nodes = new Map<Node, Node>();
  const bases = new Map<Node, Node>();
  const constant = (tensor: Tensor): number => {
    const { name, shape } = tensor;
    return tensors.push({ name, dtype: "float32", shape, data: realsOf(tensor) }) - 1;
  };
  const steps = unit.nodes.flatMap((node): Node[] => {
    const own = base.nodes[graph.nodes.indexOf(node)]!;
    const output = node.outputs[0]!;
    const inputs = own.inputs.map((input) => {
      return base.tensors[input]?.data === undefined ? input : constant(base.tensors[input]);
    });
    const isMove = opNamed(node.op).keepsScale === true;
    const raw = isMove ? output : tensors.push({ ...tensors[output]!, name: `${node.name}.raw` }) - 1;
    const attributes = isMove
      ? node.attributes
      : { ...(node.attributes as object), activation: "none" satisfies Activation };
    const bare = { ...node, inputs, outputs: [raw], attributes };
    nodes.set(node, bare);
    bases.set(node, own);
    return isMove ? [bare] : [bare, rounding(node, raw, base.tensors[output]!)];
  });
  const border = (tensor: number) => {
    const { name, shape } = graph.tensors[tensor]!;
    return { name, tensor, dtype: "float32" as const, shape, layout: "flat" as const };
  };
  const inputs = [border(unit.input)];
  return { graph: { ...graph, tensors, nodes: steps, inputs, outputs: [border(unit.output)] }, nodes, bases };
}

function rounding(node: Node, raw: number, output: Tensor): Node {
  const { scale, zeroPoint, bits } = affineOf(output, "the output");
  const { activation = "none" } = node.attributes as { activation?: Activation };
  const codes = activationCodes(activation, scale, zeroPoint, bits);
  const range = activationRange(bits);
  const attributes: FakeQuantizeAttributes = {
    scale,
    lowest: Math.max(range[0], codes[0]) - zeroPoint,
    highest: Math.min(range[1], codes[1]) - zeroPoint,
  };
  return { name: `${node.name}.codes`, op: "fakeQuantize", inputs: [raw], outputs: node.outputs, attributes };
}
