import type { Random } from "../../src/numerics/random.ts";

/** Height, width, channels in; a window that slides over them; channels out. */
export interface Geometry {
  readonly input: readonly [height: number, width: number, channels: number];
  /** An even number. */
  readonly channels: number;
  readonly kernel: number;
  readonly stride: number;
  /** Zeros above and left of the input; below and right it is as many as the last window needs. */
  readonly before: number;
  readonly output: readonly [height: number, width: number];
  readonly relu: boolean;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Weights and biases with their gradients and Adam's two moments. */
class Parameters {
  readonly values: Float64Array;
  readonly gradients: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;

  constructor(count: number, value: () => number) {
    this.values = Float64Array.from({ length: count }, value);
    this.gradients = new Float64Array(count);
    this.first = new Float64Array(count);
    this.second = new Float64Array(count);
  }

  /** One step of Adam (Kingma and Ba, 2015) on the summed gradients of a batch, with decoupled decay; clears them. */
  step(rate: number, batch: number, correction1: number, correction2: number, decay: number): void {
    const { values, gradients, first, second } = this;
    for (let i = 0; i < values.length; i++) {
      const gradient = gradients[i]! / batch;
      gradients[i] = 0;
      first[i] = BETA1 * first[i]! + (1 - BETA1) * gradient;
      second[i] = BETA2 * second[i]! + (1 - BETA2) * gradient * gradient;
      const direction = first[i]! / correction1 / (Math.sqrt(second[i]! / correction2) + EPSILON);
      values[i]! -= rate * (direction + decay * values[i]!);
    }
  }
}

/**
 * A convolution with its backward pass, one image at a time: windows are gathered into rows, so that everything is a
 * matrix product. A dense layer is a convolution with a single window over the whole input.
 */
export class Layer {
  readonly geometry: Geometry;
  readonly taps: number;
  readonly windows: number;
  /** [channels][kernel][kernel][input channels], the order of the graph's weights. */
  readonly weights: Parameters;
  readonly bias: Parameters;
  readonly output: Float64Array;
  readonly inputGradient: Float64Array;
  /** Where each tap of each window lies in the input; one past its end where it lies in the padding. */
  readonly #sources: Int32Array;
  readonly #rows: Float64Array;
  readonly #rowGradient: Float64Array;
  #steps = 0;

  constructor(geometry: Geometry, random: Random) {
    const [height, width, depth] = geometry.input;
    this.geometry = geometry;
    this.taps = geometry.kernel * geometry.kernel * depth;
    this.windows = geometry.output[0] * geometry.output[1];
    const limit = Math.sqrt(6 / this.taps); // uniform with the variance 2 / taps (He et al., 2015)
    this.weights = new Parameters(geometry.channels * this.taps, () => (2 * random() - 1) * limit);
    this.bias = new Parameters(geometry.channels, () => 0);
    this.output = new Float64Array(this.windows * geometry.channels);
    this.inputGradient = new Float64Array(height * width * depth + 1);
    this.#sources = sources(geometry);
    this.#rows = new Float64Array(this.windows * this.taps);
    this.#rowGradient = new Float64Array(this.taps);
  }

  /** Output of one image, valid until the next call. */
  forward(input: Float64Array): Float64Array {
    const { output, taps } = this;
    const { channels, relu } = this.geometry;
    const rows = this.#rows;
    const from = this.#sources;
    for (let i = 0; i < rows.length; i++) rows[i] = from[i]! < input.length ? input[from[i]!]! : 0;
    const weights = this.weights.values;
    for (let window = 0; window < this.windows; window++) {
      const row = window * taps;
      for (let o = 0; o < channels; o += 2) {
        let even = this.bias.values[o]!; // two sums at once: one addition need not wait for the other
        let odd = this.bias.values[o + 1]!;
        const at = o * taps;
        for (let k = 0; k < taps; k++) {
          const value = rows[row + k]!;
          even += value * weights[at + k]!;
          odd += value * weights[at + taps + k]!;
        }
        output[window * channels + o] = relu && even < 0 ? 0 : even;
        output[window * channels + o + 1] = relu && odd < 0 ? 0 : odd;
      }
    }
    return output;
  }

  /** Adds to the gradients of the last image's parameters; returns the gradient of its input where that is asked for. */
  backward(outputGradient: Float64Array, wanted: boolean): Float64Array {
    const { output, taps, inputGradient } = this;
    const { channels, relu } = this.geometry;
    const weights = this.weights.values;
    const weightGradients = this.weights.gradients;
    const rows = this.#rows;
    const rowGradient = this.#rowGradient;
    const from = this.#sources;
    inputGradient.fill(0);
    for (let window = 0; window < this.windows; window++) {
      const row = window * taps;
      rowGradient.fill(0);
      for (let o = 0; o < channels; o++) {
        const gradient = outputGradient[window * channels + o]!;
        if (gradient === 0 || (relu && output[window * channels + o] === 0)) continue;
        const at = o * taps;
        this.bias.gradients[o]! += gradient;
        for (let k = 0; k < taps; k++) {
          weightGradients[at + k]! += gradient * rows[row + k]!;
          rowGradient[k]! += gradient * weights[at + k]!;
        }
      }
      if (wanted) for (let k = 0; k < taps; k++) inputGradient[from[row + k]!]! += rowGradient[k]!;
    }
    return inputGradient;
  }

  /** Moves the parameters along the gradients of `batch` images. */
  step(rate: number, batch: number, decay: number): void {
    this.#steps++;
    const correction1 = 1 - BETA1 ** this.#steps;
    const correction2 = 1 - BETA2 ** this.#steps;
    this.weights.step(rate, batch, correction1, correction2, decay);
    this.bias.step(rate, batch, correction1, correction2, 0);
  }
}

function sources(geometry: Geometry): Int32Array {
  const [height, width, depth] = geometry.input;
  const [outputHeight, outputWidth] = geometry.output;
  const { kernel, stride, before } = geometry;
  const from: number[] = [];
  for (let window = 0; window < outputHeight * outputWidth; window++) {
    const top = Math.floor(window / outputWidth) * stride - before;
    const left = (window % outputWidth) * stride - before;
    for (let tap = 0; tap < kernel * kernel; tap++) {
      const y = top + Math.floor(tap / kernel);
      const x = left + (tap % kernel);
      const inside = y >= 0 && y < height && x >= 0 && x < width;
      for (let c = 0; c < depth; c++) {
        from.push(inside ? (y * width + x) * depth + c : height * width * depth);
      }
    }
  }
  return Int32Array.from(from);
}
