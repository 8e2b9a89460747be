import { exponential } from "../../src/numerics/exponential.ts";
import type { Random } from "../../src/numerics/random.ts";
import { Layer } from "./layer.ts";
import { SIDE } from "./mnist.ts";

export const CLASSES = 10;

/** Three convolutions of stride 2 and a dense layer; the logits are the last layer's output. */
export class Network {
  readonly layers: readonly Layer[];
  readonly #gradient = new Float64Array(CLASSES);

  constructor(random: Random) {
    const conv = { stride: 2, before: 1, relu: true } as const;
    this.layers = [
      new Layer({ ...conv, input: [SIDE, SIDE, 1], kernel: 5, channels: 8, output: [14, 14] }, random),
      new Layer({ ...conv, input: [14, 14, 8], kernel: 3, channels: 16, output: [7, 7] }, random),
      new Layer({ ...conv, input: [7, 7, 16], kernel: 3, channels: 32, output: [4, 4] }, random),
      new Layer(
        {
          input: [4, 4, 32],
          kernel: 4,
          channels: CLASSES,
          stride: 1,
          before: 0,
          output: [1, 1],
          relu: false,
        },
        random,
      ),
    ];
  }

  /** Logits of an image of 0..1. */
  forward(image: Float64Array): Float64Array {
    return this.layers.reduce((value, layer) => layer.forward(value), image);
  }

  /** Adds the gradients of the cross entropy of the last image to the layers; returns the probability it gave `label`. */
  backward(label: number): number {
    const logits = this.layers.at(-1)!.output;
    const top = Math.max(...logits);
    const e = Array.from(logits, (logit) => exponential(logit - top));
    const sum = e.reduce((a, b) => a + b, 0);
    let gradient: Float64Array = this.#gradient;
    for (let i = 0; i < CLASSES; i++) gradient[i] = e[i]! / sum - (i === label ? 1 : 0);
    for (let i = this.layers.length - 1; i >= 0; i--) gradient = this.layers[i]!.backward(gradient, i > 0);
    return e[label]! / sum;
  }

  step(rate: number, batch: number, decay: number): void {
    for (const layer of this.layers) layer.step(rate, batch, decay);
  }
}

/** Index of the largest value, the first of equals. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
