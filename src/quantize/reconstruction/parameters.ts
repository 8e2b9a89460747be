// What reconstruction moves of a layer: weights in units of their codes, scales, the bias.

import type { Graph, Tensor } from "../../graph/graph.ts";
import { clamp } from "../../numerics/requantize.ts";
import { Adam } from "../adam.ts";
import type { LayerWeights } from "../layer-weights.ts";
import { levelsOf, type WeightWidth } from "../rounding/index.ts";
import { type Levels, nearestLevel } from "../rounding/levels.ts";
import type { TapeLayer } from "./tape.ts";

/** Steps of the parameters at the start: of codes, of scales as a share, of biases in units of the output's scale. */
export interface Rates {
  readonly codes: number;
  readonly scales: number;
  readonly bias: number;
}

/** The most that a scale may shrink by: biases are multiples of it. */
const SHRINKAGE = 16;
/** How far behind the last code a weight may go, so that it finds its way back. */
const SLACK = 0.5;

export class LayerParameters {
  private readonly tape: TapeLayer;
  private readonly width: WeightWidth;
  private readonly rows: readonly Levels[];
  private readonly latent: Float64Array;
  private readonly scales: Float64Array;
  private readonly bias: Float64Array;
  private readonly inputScale: number;
  private readonly rates: Rates;
  private readonly leastScales: Float64Array;
  /** Whether weights and scales move: not where they are as fine as bytes. */
  private readonly isFree: boolean;
  private readonly optimisers: readonly [codes: Adam, scales: Adam, bias: Adam];

  /** @param graph the quantized graph */
  constructor(tape: TapeLayer, graph: Graph, rates: Rates) {
    const { layer, base } = tape;
    const [input, weights, bias] = base.inputs.map((index) => graph.tensors[index]!);
    const width = widthOf(weights!);
    const scale = weights!.quantization!.scale;
    this.tape = tape;
    this.rates = rates;
    this.width = width;
    this.inputScale = input!.quantization!.scale[0]!;
    const channels = layer.groups * layer.rows;
    this.scales = Float64Array.from({ length: channels }, (_, n) => scale[scale.length === 1 ? 0 : n]!);
    this.latent = Float64Array.from(layer.weights, (_, i) =>
      Number(weights!.data![layer.at(Math.floor(i / layer.taps), i % layer.taps)]),
    );
    this.bias = Float64Array.from(bias!.data!, (code, n) => Number(code) * this.inputScale * this.scales[n]!);
    const levels = levelsOf(width);
    this.rows = Array.from({ length: channels }, (_, n) => {
      return rangeOf(levels, this.latent.subarray(n * layer.taps, (n + 1) * layer.taps));
    });
    this.leastScales = this.scales.map((own) => own / SHRINKAGE);
    this.isFree = width !== 8 && width !== 7;
    const unit = graph.tensors[base.outputs[0]!]!.quantization!.scale[0]!;
    this.optimisers = [
      new Adam(new Float64Array(this.latent.length).fill(rates.codes)),
      new Adam(this.scales.map((own) => own * rates.scales)),
      new Adam(new Float64Array(channels).fill(unit * rates.bias)),
    ];
  }

  /** Puts the weights that the codes stand for onto the tape. */
  load(): void {
    const { taps } = this.tape.layer;
    const weights = Float64Array.from(this.codes());
    for (let n = 0, i = 0; n < this.scales.length; n++) {
      for (let k = 0; k < taps; k++, i++) weights[i]! *= this.scales[n]!;
    }
    this.tape.load(weights, this.bias);
  }

  /** One step of Adam by the gradients on the tape: straight through the rounding (LSQ, Esser 2020, for the scales). */
  step(share: number): void {
    const { taps } = this.tape.layer;
    const { weights, bias } = this.tape.gradients();
    const [latents, scales, biases] = this.optimisers;
    biases.step(this.bias, bias, share);
    if (!this.isFree) return;
    const codes = this.codes();
    const byScale = new Float64Array(this.scales.length);
    for (let n = 0, i = 0; n < byScale.length; n++) {
      for (let k = 0; k < taps; k++, i++) {
        byScale[n]! += weights[i]! * codes[i]!;
        weights[i]! *= this.scales[n]!;
      }
    }
    scales.step(this.scales, byScale, share);
    this.scales.forEach((scale, n) => {
      this.scales[n] = Math.max(scale, this.leastScales[n]!);
    });
    if (this.rates.codes === 0) return;
    latents.step(this.latent, weights, share);
    for (let n = 0, i = 0; n < this.scales.length; n++) {
      const { lowest, highest } = this.rows[n]!;
      for (let k = 0; k < taps; k++, i++) {
        this.latent[i] = clamp(this.latent[i]!, lowest - SLACK, highest + SLACK);
      }
    }
  }

  /** The layer's integers. */
  result(): LayerWeights {
    const { width, inputScale } = this;
    const codes = this.codes();
    const scales = Array.from(this.scales, Math.fround);
    const bias = Int32Array.from(this.bias, (real, n) => Math.floor(real / (inputScale * scales[n]!) + 0.5));
    return { width, codes, scales, bias };
  }

  /** The latent weights rounded. */
  private codes(): Int8Array {
    const { taps } = this.tape.layer;
    const codes = new Int8Array(this.latent.length);
    for (let n = 0, i = 0; n < this.rows.length; n++) {
      const levels = this.rows[n]!;
      for (let k = 0; k < taps; k++, i++) codes[i] = nearestLevel(this.latent[i]!, levels);
    }
    return codes;
  }
}

/** The width of stored weights: 2 bits without a code beyond 1 are taken for ternary, and stay so. */
export function widthOf({ quantization, data }: Tensor): WeightWidth {
  const { bits = 8 } = quantization!;
  const isTernary = bits === 2 && (data as Int8Array).every((code) => Math.abs(code) <= 1);
  return isTernary ? "ternary" : (bits as WeightWidth);
}

/** The codes that a channel may take: their negatives where it has one that only those have. */
function rangeOf({ lowest, highest, step, mirrored }: Levels, row: Float64Array): Levels {
  const isMirrored = mirrored && row.includes(-lowest);
  const [low, high] = isMirrored ? [-highest, -lowest] : [lowest, highest];
  return { lowest: low, highest: high, step, mirrored: false };
}
