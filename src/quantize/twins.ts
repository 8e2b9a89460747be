import { DyadicError } from "../error.ts";
import { forEachSample, type Samples } from "../float/samples.ts";
import { elements, type Graph, type Node, type Tensor } from "../graph/graph.ts";
import { activationRange, type Codes, codesOf } from "../numerics/pack.ts";
import type { Affine } from "../numerics/range.ts";
import { type Activation, activationBounds } from "../ops/activation.ts";
import { activationBits } from "../ops/affine.ts";
import { opNamed } from "../ops/index.ts";
import { singleNode } from "./single.ts";

/**
 * The float network and its quantized twin, run side by side over the calibration set one node at a time. Values are
 * kept, one array a sample, from the node that writes them to the last one that reads them.
 */
export class Twins {
  private readonly floats = new Map<number, readonly Float32Array[]>();
  private readonly quantized = new Map<number, readonly Codes[]>();
  private readonly graph: Graph;
  /** The same tensors with scale and zero point. */
  private readonly base: Graph;
  private readonly samples: Samples;
  private readonly module: WebAssembly.Module;
  private readonly signal: AbortSignal | undefined;
  private readonly lastReader = new Map<number, number>();

  /** @param order the nodes as they will be run */
  constructor(
    graph: Graph,
    base: Graph,
    order: readonly Node[],
    samples: Samples,
    module: WebAssembly.Module,
    signal?: AbortSignal,
  ) {
    this.graph = graph;
    this.base = base;
    this.samples = samples;
    this.module = module;
    this.signal = signal;
    order.forEach((node, step) => {
      for (const tensor of [...node.outputs, ...node.inputs]) this.lastReader.set(tensor, step);
    });
    graph.inputs.forEach(({ tensor, name }, i) => {
      const values = Array.from({ length: samples.length }, (_, s) => samples.at(s)![i]!);
      const size = elements(graph.tensors[tensor]!.shape);
      const bad = values.findIndex((value) => value?.length !== size);
      if (bad >= 0) {
        throw new DyadicError("BAD_INPUT", `input "${name}" has the wrong size`, {
          file: `sample ${bad}`,
          expected: `${size} values`,
          found: `${values[bad]?.length ?? "nothing"}`,
        });
      }
      this.floats.set(tensor, values);
      this.quantized.set(
        tensor,
        values.map((value) => this.encode(value, tensor)),
      );
    });
  }

  /** Of the codes as they are kept: where a tensor has zero points by channel, less those. */
  affine(tensor: number): Affine {
    const { scale, zeroPoint } = this.base.tensors[tensor]!.quantization!;
    return { scale: scale[0]!, zeroPoint: zeroPoint.length > 1 ? 0 : zeroPoint[0]! };
  }

  /** Codes of an activation in the quantized network, less its zero points where it has several. */
  codes(tensor: number): readonly Codes[] {
    return this.quantized.get(tensor)!;
  }

  async runFloat(node: Node): Promise<void> {
    this.floats.set(node.outputs[0]!, await this.run(node, this.floatInputs(node)));
  }

  /** The float node's outputs before the activation, bias included. */
  runTargets(node: Node): Promise<readonly Float32Array[]> {
    return this.run(withoutActivation(node), this.floatInputs(node));
  }

  /** Takes targets, which are lost, for the node's outputs in the float network. */
  activate(node: Node, targets: readonly Float32Array[]): void {
    const { activation } = node.attributes as { activation: Activation };
    if (activation !== "none") for (const values of targets) clamp(values, activation);
    this.floats.set(node.outputs[0]!, targets);
  }

  /** By channel, what the outputs before the activation miss the targets by in the mean, with other constants. */
  async meanErrors(
    node: Node,
    targets: readonly Float32Array[],
    constants: ReadonlyMap<number, Tensor>,
  ): Promise<Float64Array> {
    const channels = this.graph.tensors[node.outputs[0]!]!.shape.at(-1)!;
    const sums = new Float64Array(channels);
    let sample = 0;
    const add = (values: Float32Array) => {
      const wanted = targets[sample++]!;
      for (let i = 0; i < values.length; ) {
        for (let c = 0; c < channels; c++, i++) sums[c]! += wanted[i]! - values[i]!;
      }
    };
    await this.run(withoutActivation(node), this.quantizedInputs(node), add, constants);
    return sums.map((sum) => (sum * channels) / (targets.length * targets[0]!.length));
  }

  /** Runs the node on the quantized network's values and quantizes its outputs. */
  async runQuantized(node: Node, constants?: ReadonlyMap<number, Tensor>): Promise<void> {
    const output = node.outputs[0]!;
    const keep = (values: Float32Array) => this.encode(values, output);
    this.quantized.set(output, await this.run(node, this.quantizedInputs(node), keep, constants));
  }

  /**
   * Targets of a layer in front of an add, plus what the other branch lost where both its values are known: then the
   * sum is matched instead of the branch. (BRECQ, Li 2021, reconstructs blocks for the same end, by gradient.)
   */
  compensated(node: Node, targets: readonly Float32Array[]): readonly Float32Array[] {
    const output = node.outputs[0]!;
    const readers = this.graph.nodes.filter(({ inputs }) => inputs.includes(output));
    const { activation } = node.attributes as { activation: Activation };
    if (readers.length !== 1 || readers[0]!.op !== "add" || activation !== "none") return targets;
    const other = readers[0]!.inputs.find((input) => input !== output);
    const floats = other === undefined ? undefined : this.floats.get(other);
    if (other === undefined || floats === undefined) return targets;
    const reals = new Float32Array(targets[0]!.length);
    return targets.map((values, sample) => {
      this.decode(this.codes(other)[sample]!, other, reals);
      const sums = floats[sample]!.slice();
      for (let i = 0; i < sums.length; i++) sums[i]! += values[i]! - reals[i]!;
      return sums;
    });
  }

  /** Forgets what no step behind this one reads. */
  release(step: number): void {
    for (const [tensor, last] of this.lastReader) {
      if (last > step) continue;
      this.floats.delete(tensor);
      this.quantized.delete(tensor);
    }
  }

  private activations({ op, inputs }: Node): number[] {
    return inputs
      .slice(0, opNamed(op).activations)
      .filter((tensor) => this.graph.tensors[tensor]?.data === undefined);
  }

  private floatInputs(node: Node): (sample: number) => Float32Array[] {
    return (sample) => this.activations(node).map((tensor) => this.floats.get(tensor)![sample]!);
  }

  private quantizedInputs(node: Node): (sample: number) => Float32Array[] {
    const sources = this.activations(node);
    const buffers = sources.map((tensor) => new Float32Array(elements(this.graph.tensors[tensor]!.shape)));
    return (sample) =>
      sources.map((tensor, i) => this.decode(this.codes(tensor)[sample]!, tensor, buffers[i]!));
  }

  private run(node: Node, inputs: (sample: number) => Float32Array[]): Promise<readonly Float32Array[]>;
  private run<T>(
    node: Node,
    inputs: (sample: number) => Float32Array[],
    keep: (values: Float32Array) => T,
    constants?: ReadonlyMap<number, Tensor>,
  ): Promise<readonly T[]>;
  private async run(
    node: Node,
    inputs: (sample: number) => Float32Array[],
    keep: (values: Float32Array) => unknown = (values) => values,
    constants?: ReadonlyMap<number, Tensor>,
  ): Promise<readonly unknown[]> {
    const network = await singleNode(this.graph, node, this.module, constants);
    const outputs: unknown[] = [];
    const empty = { length: this.samples.length, at: () => [] };
    await forEachSample(empty, (_, i) => outputs.push(keep(network.run(inputs(i))[0]!)), {
      signal: this.signal,
    });
    return outputs;
  }

  private encode(values: Float32Array, tensor: number): Codes {
    const { scale, zeroPoint } = this.affine(tensor);
    const own = this.base.tensors[tensor]!;
    const { zeroPoint: zeros } = own.quantization!;
    const bits = activationBits(own)!;
    const [lowest, highest] = activationRange(bits);
    if (zeros.length > 1) return encodeByChannel(values, scale, zeros);
    const codes = codesOf(values.length, bits);
    const span = highest - lowest;
    const offset = zeroPoint + 0.5 - lowest;
    const inverse = 1 / scale;
    for (let i = 0; i < values.length; i++) {
      codes[i] = (Math.min(span, Math.max(0, values[i]! * inverse + offset)) | 0) + lowest;
    }
    return codes;
  }

  private decode(codes: Codes, tensor: number, into: Float32Array): Float32Array {
    const { scale, zeroPoint } = this.affine(tensor);
    for (let i = 0; i < codes.length; i++) into[i] = scale * (codes[i]! - zeroPoint);
    return into;
  }
}

function withoutActivation(node: Node): Node {
  return { ...node, attributes: { ...(node.attributes as object), activation: "none" } };
}

/** Codes of bytes less their channel's zero point: up to 255 on either side of 0. */
function encodeByChannel(values: Float32Array, scale: number, zeros: readonly number[]): Int16Array {
  const [lowest, highest] = activationRange(8);
  return Int16Array.from(values, (value, i) => {
    const zero = zeros[i % zeros.length]!;
    return Math.min(highest - zero, Math.max(lowest - zero, Math.floor(value / scale + 0.5)));
  });
}

function clamp(values: Float32Array, activation: Activation): void {
  const [low, high] = activationBounds(activation)!;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    // Half of the values are below 0, at random: a branch would be foretold wrongly as often as not.
    const above = low === 0 ? 0.5 * (value + Math.abs(value)) : Math.max(low, value);
    values[i] = above > high ? high : above;
  }
}
