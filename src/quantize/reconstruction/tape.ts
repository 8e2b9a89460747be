// Forward and backward through one unit of a quantized network, in floats that stand for its codes.
import { DyadicError } from "../../error.ts";
import type { CalibratorExports } from "../../float/calibrator.ts";
import { bindKernel } from "../../float/kernels.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { realsOf } from "../../graph/reals.ts";
import { activationRange } from "../../numerics/pack.ts";
import { type Activation, activationCodes } from "../../ops/activation.ts";
import { affineOf } from "../../ops/affine.ts";
import { opNamed } from "../../ops/index.ts";
import { wholeWindow } from "../../ops/mean.ts";
import { type PoolAttributes, poolWindow } from "../../ops/pool.ts";
import { visitWindows, type Window } from "../../ops/window.ts";
import { type TapeLayer, tapeLayer } from "./convolution.ts";
import { activationsOf, type Unit } from "./unit.ts";
import { Workspace } from "./workspace.ts";

interface Step {
  forward(): void;
  backward(): void;
}

const WEIGHTED = ["conv", "depthwise", "dense"];
const POOLS = ["averagePool", "mean"];

/** Throws UNSUPPORTED_OP, naming the node, where the tape does not know the gradient of one. */
function refuse({ nodes, input }: Unit, graph: Graph): void {
  const inside = new Set([input, ...nodes.flatMap(({ outputs }) => outputs)]);
  const unknown = nodes.find((node) => {
    const { op, inputs, attributes } = node;
    const shape = (index: number) => graph.tensors[index]!.shape.join();
    const read = activationsOf(node, graph);
    if (read.some((tensor) => !inside.has(tensor))) return true;
    if (WEIGHTED.includes(op)) return ((attributes as { groups?: number }).groups ?? 1) !== 1;
    if (op === "add") return read.length !== 2 || shape(inputs[0]!) !== shape(inputs[1]!);
    const moves = opNamed(op).keepsScale === true && op !== "maxPool" && op !== "resize" && read.length === 1;
    return !(POOLS.includes(op) || op === "requantize" || moves);
  });
  if (unknown === undefined) return;
  throw new DyadicError("UNSUPPORTED_OP", "reconstruction does not know the gradient of this node", {
    node: unknown.name,
    op: unknown.op,
    expected: "conv without groups, depthwise, dense, add of equal shapes, average pools, moves of codes",
    hint: "leave reconstruction out: rounding alone takes such networks",
  });
}

/** One unit in an instance of the calibrator of its own. */
export class Tape {
  readonly layers: readonly TapeLayer[];
  private readonly space: Workspace;
  private readonly steps: readonly Step[];
  private readonly unit: Unit;

  private constructor(space: Workspace, unit: Unit, steps: readonly Step[], layers: readonly TapeLayer[]) {
    this.space = space;
    this.unit = unit;
    this.steps = steps;
    this.layers = layers;
  }

  /** Throws UNSUPPORTED_OP for a node without a gradient, OUT_OF_MEMORY. */
  static create(wasm: CalibratorExports, graph: Graph, base: Graph, unit: Unit): Tape {
    refuse(unit, graph);
    const space = new Workspace(wasm, graph, base, unit);
    const layers: TapeLayer[] = [];
    const steps = unit.nodes.flatMap((node): Step[] => {
      const twin = base.nodes[graph.nodes.indexOf(node)]!;
      if (!WEIGHTED.includes(node.op)) {
        const step = plainStep(space, node, twin);
        return opNamed(node.op).keepsScale ? [step] : [step, roundingStep(space, node)];
      }
      const layer = tapeLayer(space, node, twin);
      layers.push(layer);
      return [layer, roundingStep(space, node)];
    });
    space.reserve();
    const tape = new Tape(space, unit, steps, layers);
    for (const { layer, load } of layers) {
      const [, weights, bias] = tape.twin(layer.node).inputs.map((index) => base.tensors[index]!);
      load(realsOf(weights!), realsOf(bias!));
    }
    return tape;
  }

  /** The quantized node of a float one. */
  twin(node: Node): Node {
    const { graph, base } = this.space;
    return base.nodes[graph.nodes.indexOf(node)]!;
  }

  /** The unit's quantized output for one sample's input; valid until the next call. */
  run(input: Float32Array): Float32Array {
    const { space, unit, steps } = this;
    space.write(space.place(unit.input).value, input);
    for (const { forward } of steps) forward();
    const { value, elements } = space.place(unit.output);
    return space.view(value, elements);
  }

  /** What a node computed for the sample that ran last, before it was clamped and rounded; valid until the next call. */
  raw(node: Node): Float32Array {
    const { raw, elements } = this.space.place(node.outputs[0]!);
    return this.space.view(raw, elements);
  }

  /** Walks back from dL/doutput of the sample that ran last; the layers' gradients add up. */
  back(gradient: Float32Array): void {
    const { space, unit, steps } = this;
    space.forgetGradients();
    const output = space.place(unit.output);
    space.write(output.gradient, gradient);
    for (const { backward } of steps.toReversed()) backward();
  }
}

/** Raw values to those of the codes; backwards, nothing passes where a code is at its end. */
function roundingStep(space: Workspace, node: Node): Step {
  const { wasm, base } = space;
  const { raw, value, gradient, elements } = space.place(node.outputs[0]!);
  const { scale, zeroPoint, bits } = affineOf(base.tensors[node.outputs[0]!]!, "the output");
  const { activation = "none" } = node.attributes as { activation?: Activation };
  const [least, most] = activationRange(bits).map((code) => code - zeroPoint);
  const [low, high] = activationCodes(activation, scale, zeroPoint, bits).map((code) => code - zeroPoint);
  const [from, to] = [Math.max(least!, low!), Math.min(most!, high!)];
  return {
    forward: () => wasm.fake_quantize(raw, value, elements, 1 / scale, scale, from, to),
    backward: () => wasm.gate(raw, gradient, elements, scale * (from - 0.5), scale * (to + 0.5)),
  };
}

/** A node without weights. */
function plainStep(space: Workspace, node: Node, base: Node): Step {
  if (opNamed(node.op).keepsScale) return movingStep(space, node);
  const forward = bindKernel(space.binding(node, base))!;
  const { gradient } = space.place(node.outputs[0]!);
  const sources = activationsOf(node, space.graph).map((tensor) => space.place(tensor));
  if (POOLS.includes(node.op)) return { forward: () => forward(0), backward: poolGradient(space, node) };
  const wanted = sources.filter((source) => source.gradient !== 0);
  return {
    forward: () => forward(0),
    backward() {
      for (const source of wanted) space.addGradient(source, gradient);
    },
  };
}

/** An op that moves codes: its meaning applied to the elements' numbers says where each comes from (0: padding). */
function movingStep(space: Workspace, node: Node): Step {
  const [tensor] = activationsOf(node, space.graph);
  const source = space.place(tensor!);
  const target = space.place(node.outputs[0]!);
  const { shape } = space.graph.tensors[tensor!]!;
  const numbers = Float32Array.from({ length: source.elements }, (_, i) => i + 1);
  const from = Int32Array.from(opNamed(node.op).float([{ shape, data: numbers }], node.attributes).data);
  const spread = space.allocate(source.elements);
  return {
    forward() {
      const values = space.view(source.value, source.elements);
      const moved = space.view(target.value, target.elements);
      for (let i = 0; i < from.length; i++) moved[i] = from[i] === 0 ? 0 : values[from[i]! - 1]!;
    },
    backward() {
      if (source.gradient === 0) return;
      const own = space.view(spread, source.elements).fill(0);
      const gradient = space.view(target.gradient, target.elements);
      for (let i = 0; i < from.length; i++) if (from[i] !== 0) own[from[i]! - 1]! += gradient[i]!;
      space.addGradient(source, spread);
    },
  };
}

/** Every input of a window gets its share of the mean's gradient. */
function poolGradient(space: Workspace, node: Node): () => void {
  const source = space.place(node.inputs[0]!);
  const target = space.place(node.outputs[0]!);
  if (source.gradient === 0) return () => {};
  const [, height, width, channels] = space.graph.tensors[node.inputs[0]!]!.shape as [
    number,
    number,
    number,
    number,
  ];
  const [, rows, columns] = space.graph.tensors[node.outputs[0]!]!.shape as [number, number, number];
  const window: Window =
    node.op === "mean"
      ? wholeWindow((node.attributes as { axes: readonly number[] }).axes, [1, height, width, channels])
      : poolWindow(node.attributes as PoolAttributes);
  const taps: [to: number, from: number][] = [];
  const counts = new Float64Array(rows * columns);
  visitWindows(window, [rows, columns], [height, width], (to, from) => {
    taps.push([to, from]);
    counts[to]!++;
  });
  const spread = space.allocate(source.elements);
  return () => {
    const own = space.view(spread, source.elements).fill(0);
    const gradient = space.view(target.gradient, target.elements);
    for (const [to, from] of taps) {
      for (let c = 0; c < channels; c++)
        own[from * channels + c]! += gradient[to * channels + c]! / counts[to]!;
    }
    space.addGradient(source, spread);
  };
}
