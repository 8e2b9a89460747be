// Samples of float models, for calibration and comparison.
import { DyadicError } from "../error.ts";
import { canonicalShape, elements, type Graph } from "../graph/graph.ts";
import { matchShape, notFinite, planarPosition, readArray } from "./array.ts";
import type { InputShape } from "./metadata.ts";
import { isPrepared, type Preparation, realOf } from "./preparation.ts";
import type { Picture } from "./resize.ts";

/** A set of values that becomes samples once the model's input is known. */
export interface FloatSource {
  /** Whether it holds bytes, of which the model's numbers are made. */
  readonly isBytes: boolean;
  /** One sample an element; pictures are fitted when they are asked for. Throws BAD_INPUT. */
  samples(input: InputShape): { readonly length: number; at(index: number): Float32Array };
}

/**
 * Pictures, prepared as `options` say.
 *
 * @param fitted hands over one of them in the input's size and channels
 */
export function pictureSource(
  length: number,
  fitted: (index: number, shape: InputShape["canonicalShape"]) => Picture,
  options: Preparation,
): FloatSource {
  return {
    isBytes: true,
    samples: ({ canonicalShape: shape }) => {
      const real = realOf(shape[2], options);
      const at = (index: number) => {
        const { bytes } = fitted(index, shape);
        const values = new Float32Array(bytes.length);
        for (let i = 0; i < values.length; i++) values[i] = real(bytes[i]!, i);
        return values;
      };
      return { length, at };
    },
  };
}

/**
 * The samples of a .npy file: float values, or uint8 bytes, which are prepared as `options` say. Throws BAD_INPUT, also
 * for values that are not finite.
 */
export function arraySource(file: Uint8Array, options: Preparation): FloatSource {
  const { data, dtype, shape } = readArray(file);
  const isBytes = data instanceof Uint8Array;
  if (data.length === 0) {
    throw new DyadicError("BAD_INPUT", "the array is empty", { found: `[${shape.join(", ")}]` });
  }
  if (!isBytes && dtype !== "float32" && dtype !== "float64") {
    throw new DyadicError("BAD_INPUT", "the array has another dtype than a float model's samples", {
      expected: "float32 or float64 values, or uint8 bytes",
      found: dtype,
    });
  }
  const bad = data.findIndex((value) => !Number.isFinite(Number(value)));
  if (bad >= 0) throw notFinite(Number(data[bad]), bad, shape);
  const samples = (input: InputShape) => {
    const size = elements(input.canonicalShape);
    const transposed = matchShape(shape, input);
    const real = realOf(input.canonicalShape[2], options);
    const sample = (index: number) => {
      const values = new Float32Array(size);
      for (let at = 0; at < size; at++) {
        const value = Number(data[index * size + (transposed ? planarPosition(at, input) : at)]);
        values[at] = isBytes ? real(value, at) : value;
      }
      return values;
    };
    return { length: data.length / size, at: sample };
  };
  return { isBytes, samples };
}

/**
 * The one input of a float graph: declared shape and layout, and the canonical shape of the tensor inside. Throws
 * BAD_ARGUMENT where there are several.
 */
export function inputShape({ inputs, tensors }: Graph): InputShape {
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1) {
    throw new DyadicError("BAD_ARGUMENT", "files of samples can be given for models of one input only", {
      found: `${inputs.length} inputs: ${inputs.map(({ name }) => name).join(", ")}`,
    });
  }
  const { shape, name } = tensors[input.tensor]!;
  return { ...input, canonicalShape: canonicalShape(shape, name) };
}

/** The options of `compile` that say what a float model will see. */
export function sampleOptions(source: FloatSource, preparation: Preparation) {
  const samples = (graph: Graph) => {
    const own = source.samples(inputShape(graph));
    return { length: own.length, at: (index: number) => [own.at(index)] };
  };
  return { samples, ...((source.isBytes || isPrepared(preparation)) && { pixels: preparation }) };
}
