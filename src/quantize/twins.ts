import { DyadicError } from "../error.ts";
import { type CalibratorExports, instantiateCalibrator } from "../float/calibrator.ts";
import { encodeFrom, type FloatInput } from "../float/codes.ts";
import type { FloatNetwork, Visit } from "../float/network.ts";
import { forEachSample, type Sample } from "../float/samples.ts";
import { elements, type Graph, type Node, type Tensor } from "../graph/graph.ts";
import { activationRange, type Codes } from "../numerics/pack.ts";
import type { Affine } from "../numerics/range.ts";
import { type Activation, activate } from "../ops/activation.ts";
import { activationBits } from "../ops/affine.ts";
import { opNamed } from "../ops/index.ts";
import { type Layer, layerOf } from "./layer.ts";
import { tapSums, type WindowSums } from "./means.ts";
import {
  choosePlaces,
  MomentCollector,
  type MomentSums,
  type Observations,
  type Place,
  targetPeaks,
  type Windows,
} from "./moments.ts";
import { singleNode } from "./single.ts";

/** What twins start from; structured clone. */
export interface TwinSetup {
  /** The float network, and the same tensors with scale and zero point. */
  readonly graph: Graph;
  readonly base: Graph;
  /** Positions of the nodes in the order in which they are run: a step is a place in it. */
  readonly order: readonly number[];
  /** These twins' part of the calibration set, the place of its first sample, and how many the set has. */
  readonly samples: readonly Sample[];
  readonly first: number;
  readonly count: number;
  /** assembly/build/calibrator.wasm, compiled. */
  readonly module: WebAssembly.Module;
}

/** Values of the float network in front of the activation that the node fused. */
interface Kept {
  readonly values: readonly Float32Array[];
  readonly activation: Activation;
}

/** The layer at hand: what it will see, and what it is fitted to. */
interface Aim {
  readonly layer: Layer;
  readonly seen: Observations;
}

/** Of codes as twins keep them: where a tensor has zero points by channel, less those. */
export function keptAffine({ quantization }: Tensor): Affine {
  const { scale, zeroPoint } = quantization!;
  return { scale: scale[0]!, zeroPoint: zeroPoint.length > 1 ? 0 : zeroPoint[0]! };
}

/**
 * The float network and its quantized twin, run side by side over samples of the calibration set one node at a time.
 * Values are kept, one array a sample, from the node that writes them to the last one that reads them.
 */
export class Twins {
  private readonly setup: TwinSetup;
  /** For what is no network's: encoding inputs, sums. */
  private readonly wasm: CalibratorExports;
  private readonly signal: AbortSignal | undefined;
  private readonly floats = new Map<number, Kept>();
  private readonly quantized = new Map<number, readonly Codes[]>();
  private readonly lastReader = new Map<number, number>();
  private current: Aim | undefined;

  private constructor(setup: TwinSetup, wasm: CalibratorExports, signal?: AbortSignal) {
    this.setup = setup;
    this.wasm = wasm;
    this.signal = signal;
    const { graph, samples, first } = setup;
    setup.order.forEach((position, step) => {
      const { inputs, outputs } = graph.nodes[position]!;
      for (const tensor of [...outputs, ...inputs]) this.lastReader.set(tensor, step);
    });
    graph.inputs.forEach(({ tensor, name }, i) => {
      const values = samples.map((sample) => sample[i]!);
      const size = elements(graph.tensors[tensor]!.shape);
      const bad = values.findIndex((value) => value?.length !== size);
      if (bad >= 0) {
        throw new DyadicError("BAD_INPUT", `input "${name}" has the wrong size`, {
          file: `sample ${first + bad}`,
          expected: `${size} values`,
          found: `${values[bad]?.length ?? "nothing"}`,
        });
      }
      this.floats.set(tensor, { values, activation: "none" });
      this.quantized.set(
        tensor,
        values.map((value) => this.encodeInput(value, tensor)),
      );
    });
  }

  /** Throws BAD_INPUT for a sample of the wrong size. `signal` aborts between two samples. */
  static async create(setup: TwinSetup, signal?: AbortSignal): Promise<Twins> {
    return new Twins(setup, await instantiateCalibrator(setup.module), signal);
  }

  /** Runs a node without weights in both networks. */
  async pass(step: number): Promise<void> {
    const node = this.node(step);
    this.floats.set(node.outputs[0]!, { values: await this.runFloat(node), activation: "none" });
    await this.runQuantized(node);
    this.release(step);
  }

  /**
   * Runs a layer of the float network: its outputs before the activation, bias included, are what the rounded layer is
   * fitted to. With `compensate` a layer in front of an add is fitted to the sum.
   */
  async aim(step: number, compensate: boolean): Promise<void> {
    const node = this.node(step);
    const { activation } = node.attributes as { activation: Activation };
    const values = await this.runFloat(withoutActivation(node));
    this.floats.set(node.outputs[0]!, { values, activation });
    const targets = compensate ? this.compensated(node, values) : values;
    const input = node.inputs[0]!;
    const seen = { codes: this.quantized.get(input)!, affine: this.affine(input), targets };
    this.current = { layer: layerOf(node, this.setup.graph), seen };
  }

  /** Sums over every window of the layer at hand. */
  means(): WindowSums {
    const { layer, seen } = this.current!;
    const outputs = seen.targets.map((values) => this.channelTotals(values, layer.output[2]));
    return { taps: tapSums(layer, seen.codes, seen.affine.zeroPoint), outputs };
  }

  /** The largest magnitude of every wanted output of the layer at hand, over the windows that moments are taken of. */
  peaks(windows: Windows): Float64Array {
    const { layer, seen } = this.current!;
    return targetPeaks(layer, seen, this.places(layer, windows));
  }

  /** Sums of the moments of the layer at hand, by group. */
  moments(windows: Windows, units: Float64Array): MomentSums[] {
    const { layer, seen } = this.current!;
    return new MomentCollector(this.wasm).collect(layer, seen, this.places(layer, windows), units);
  }

  /** Runs the layer at hand in the quantized network, with the constants that it was given there. */
  async settle(step: number, constants: ReadonlyMap<number, Tensor>): Promise<void> {
    await this.runQuantized(this.node(step), constants);
    this.current = undefined;
    this.release(step);
  }

  private node(step: number): Node {
    return this.setup.graph.nodes[this.setup.order[step]!]!;
  }

  private affine(tensor: number): Affine {
    return keptAffine(this.setup.base.tensors[tensor]!);
  }

  /** Those of the whole set's windows that are of these samples. */
  private places(layer: Layer, windows: Windows): Place[] {
    const { first, count, samples } = this.setup;
    return choosePlaces(layer, count, windows).flatMap(({ sample, pixel }) => {
      const own = sample - first;
      return own >= 0 && own < samples.length ? [{ sample: own, pixel }] : [];
    });
  }

  /**
   * Targets of a layer in front of an add, plus what the other branch lost where both its values are known: then the
   * sum is matched instead of the branch. (BRECQ, Li 2021, reconstructs blocks for the same end, by gradient.)
   */
  private compensated(node: Node, targets: readonly Float32Array[]): readonly Float32Array[] {
    const output = node.outputs[0]!;
    const readers = this.setup.graph.nodes.filter(({ inputs }) => inputs.includes(output));
    const { activation } = node.attributes as { activation: Activation };
    if (readers.length !== 1 || readers[0]!.op !== "add" || activation !== "none") return targets;
    const other = readers[0]!.inputs.find((input) => input !== output);
    const floats = other === undefined ? undefined : this.floats.get(other);
    if (other === undefined || floats === undefined) return targets;
    const { scale, zeroPoint } = this.affine(other);
    return targets.map((values, sample) => {
      const codes = this.quantized.get(other)![sample]!;
      const exact = floats.values[sample]!;
      return values.map((value, i) => {
        const real = Math.fround(scale * (codes[i]! - zeroPoint));
        return activate(exact[i]!, floats.activation) + (value - real);
      });
    });
  }

  /** Forgets what no step behind this one reads. */
  private release(step: number): void {
    for (const [tensor, last] of this.lastReader) {
      if (last > step) continue;
      this.floats.delete(tensor);
      this.quantized.delete(tensor);
    }
  }

  private activations({ op, inputs }: Node): number[] {
    return inputs
      .slice(0, opNamed(op).activations)
      .filter((tensor) => this.setup.graph.tensors[tensor]?.data === undefined);
  }

  private async runFloat(node: Node): Promise<Float32Array[]> {
    const kept = this.activations(node).map((tensor) => this.floats.get(tensor)!);
    const inputs = (sample: number) => kept.map(({ values }) => values[sample]!);
    const pending = kept.map(({ activation }) => activation);
    const network = await singleNode(this.setup.graph, node, this.setup.module, { pending });
    return this.run(network, inputs, (values) => values.slice());
  }

  /** Runs the node on the quantized network's values and quantizes its outputs. */
  private async runQuantized(node: Node, constants?: ReadonlyMap<number, Tensor>): Promise<void> {
    const { graph, base, module } = this.setup;
    const sources = this.activations(node).map((tensor) => ({
      codes: this.quantized.get(tensor)!,
      affine: this.affine(tensor),
    }));
    const inputs = (sample: number) =>
      sources.map(({ codes, affine }) => ({ codes: codes[sample]!, affine }));
    const output = node.outputs[0]!;
    const affine = this.affine(output);
    const bits = activationBits(base.tensors[output]!)!;
    const network = await singleNode(graph, node, module, { constants });
    const encode = (values: Float32Array) => encodeFrom(network.wasm, values, affine, bits);
    this.quantized.set(output, await this.run(network, inputs, encode));
  }

  /** What `take` makes of the outputs, of every sample. */
  private async run<T>(
    network: FloatNetwork,
    inputs: (sample: number) => FloatInput[],
    take: (outputs: Float32Array) => T,
  ): Promise<T[]> {
    const taken: T[] = [];
    const { tensor: output } = network.graph.outputs[0]!;
    const visit: Visit = (tensor, values) => {
      if (tensor === output) taken.push(take(values));
    };
    const { signal } = this;
    const all = { length: this.setup.samples.length, at: () => [] };
    await forEachSample(all, (_, sample) => network.forward(inputs(sample), visit), { signal });
    return taken;
  }

  private encodeInput(values: Float32Array, tensor: number): Codes {
    const own = this.setup.base.tensors[tensor]!;
    const { scale, zeroPoint: zeros } = own.quantization!;
    if (zeros.length > 1) return encodeByChannel(values, scale[0]!, zeros);
    return encodeFrom(this.wasm, this.laid(values), this.affine(tensor), activationBits(own)!);
  }

  /** Of one sample, in f64. */
  private channelTotals(values: Float32Array, channels: number): Float64Array {
    const reals = this.laid(values, channels * 8);
    const { buffer, byteOffset, byteLength } = reals;
    const totals = new Float64Array(buffer, Math.ceil((byteOffset + byteLength) / 16) * 16, channels);
    totals.fill(0);
    this.wasm.channel_totals(byteOffset, totals.byteOffset, values.length / channels, channels);
    return totals.slice();
  }

  /** A copy of values in the module's memory, and so many bytes behind it. */
  private laid(values: Float32Array, behind = 0): Float32Array {
    const { wasm } = this;
    const at = wasm.heap_base();
    const bytes = at + values.byteLength + 16 + behind;
    if (bytes >= 2 ** 32 || wasm.reserve(bytes) === 0) {
      throw new DyadicError("OUT_OF_MEMORY", "an activation does not fit in memory", {
        found: `${values.byteLength} bytes`,
      });
    }
    const copy = new Float32Array(wasm.memory.buffer, at, values.length);
    copy.set(values);
    return copy;
  }
}

function withoutActivation(node: Node): Node {
  return { ...node, attributes: { ...(node.attributes as object), activation: "none" } };
}

/** Codes of bytes less their channel's zero point: up to 255 on either side of 0. */
function encodeByChannel(values: Float32Array, scale: number, zeros: readonly number[]): Int16Array {
  const [lowest, highest] = activationRange(8);
  const codes = new Int16Array(values.length);
  for (let i = 0; i < codes.length; ) {
    for (let c = 0; c < zeros.length; c++, i++) {
      const code = Math.floor(values[i]! / scale + 0.5);
      codes[i] = Math.min(highest - zeros[c]!, Math.max(lowest - zeros[c]!, code));
    }
  }
  return codes;
}
