import { DyadicError } from "../error.ts";
import { elements } from "../graph/graph.ts";
import { type Npy, readNpy } from "../import/npy.ts";
import { quantizeValue } from "../numerics/affine.ts";
import { codeOf, emptySample, type InputMetadata, type InputShape, type Sample } from "./metadata.ts";
import { isPrepared, type Preparation, pictureSample, realOf } from "./preparation.ts";

/**
 * The samples of a .npy file: an array of the input's declared shape, of its canonical [h, w, c] (h x w for one
 * channel), or flat; a leading N holds N samples. The model's own dtype goes in as it is, floats are quantized, and
 * uint8 for a model of int8 (or with a preparation) are pixels, prepared as those of a picture.
 * Throws BAD_INPUT.
 */
export function arraySamples(bytes: Uint8Array, metadata: InputMetadata, options: Preparation): Sample[] {
  const array = readArray(bytes);
  const size = elements(metadata.canonicalShape);
  const transposed = matchShape(array.shape, metadata);
  if (array.data.length === 0) {
    throw new DyadicError("BAD_INPUT", "the array is empty", { found: `[${array.shape.join(", ")}]` });
  }
  const pixels = array.data instanceof Uint8Array && (metadata.dtype === "int8" || isPrepared(options));
  const write = pixels ? (from: number) => Number(array.data[from]) : writer(array, metadata, options);
  const [height, width, channels] = metadata.canonicalShape;
  return Array.from({ length: array.data.length / size }, (_, sample) => {
    const values = pixels ? new Uint8Array(size) : emptySample(metadata);
    for (let at = 0; at < size; at++) {
      values[at] = write(sample * size + (transposed ? planarPosition(at, metadata) : at), at);
    }
    if (!(pixels && values instanceof Uint8Array)) return values;
    return pictureSample({ width, height, channels, bytes: values }, metadata, options);
  });
}

export function readArray(bytes: Uint8Array): Npy {
  try {
    return readNpy(bytes);
  } catch (error) {
    if (!(error instanceof DyadicError)) throw error;
    throw new DyadicError("BAD_INPUT", error.message.split("\n", 1)[0]!, error.place, error);
  }
}

/** Whether the array is in channel planes (NCHW) and must be interleaved. Throws where no reading of the shape fits. */
export function matchShape(shape: readonly number[], metadata: InputShape): boolean {
  const { canonicalShape, layout } = metadata;
  const [height, width, channels] = canonicalShape;
  const declared = metadata.shape[0] === 1 ? metadata.shape.slice(1) : metadata.shape;
  const canonical = channels === 1 ? [canonicalShape, [height, width]] : [canonicalShape];
  const fits = (sample: readonly number[]) =>
    [sample, [1, ...sample], [shape[0], ...sample]].some((wanted) => wanted.join() === shape.join());
  if (fits(declared)) return layout === "NCHW";
  if (canonical.some(fits) || fits([elements(canonicalShape)])) return false;
  throw new DyadicError("BAD_INPUT", "the array has another shape than the model's input", {
    expected: `[${metadata.shape.join(", ")}], or [N, ${declared.join(", ")}] for N samples`,
    found: `[${shape.join(", ")}]`,
  });
}

/** Where canonical position `at` (interleaved channels) lies in channel planes. */
export function planarPosition(
  at: number,
  { canonicalShape: [height, width, channels] }: InputShape,
): number {
  return (at % channels) * height * width + Math.floor(at / channels);
}

/** The code for the array's element `from`, which becomes canonical position `at`. */
function writer(
  array: Npy,
  metadata: InputMetadata,
  options: Preparation,
): (from: number, at: number) => number {
  const { data, dtype } = array;
  if (dtype === metadata.dtype) return (from) => Number(data[from]);
  if (dtype === "float32" || dtype === "float64") {
    const code = metadata.zeroPoints === undefined ? codeOf : foldedCode(metadata, options);
    return (from, at) => {
      const real = Number(data[from]);
      if (!Number.isFinite(real)) throw notFinite(real, from, array.shape);
      return code(real, at, metadata);
    };
  }
  throw new DyadicError("BAD_INPUT", "the array has another dtype than the model's input", {
    expected: `${metadata.dtype} codes, or float32 or float64 values`,
    found: dtype,
    hint: `to give values, save x.astype("float32"); scale ${metadata.scale} and zero point ${metadata.zeroPoint} make codes of them`,
  });
}

/** The byte that a prepared number was made of, for inputs that have the preparation folded in. */
function foldedCode(metadata: InputMetadata, options: Preparation): typeof codeOf {
  if (!isPrepared(options)) {
    throw new DyadicError(
      "BAD_INPUT",
      `the input "${metadata.name}" takes bytes: its mean and std are folded in`,
      {
        expected: "uint8 bytes, or --mean and --std with float values",
        found: "float values",
      },
    );
  }
  const real = realOf(metadata.canonicalShape[2], options);
  return (value, at) => {
    const [low, step] = [real(0, at), real(1, at) - real(0, at)];
    return quantizeValue(value - low, step, 0, 0, 255);
  };
}

export function notFinite(real: number, from: number, shape: readonly number[]): DyadicError {
  let rest = from;
  const index = [...shape].reverse().map((size) => {
    const along = rest % size;
    rest = Math.floor(rest / size);
    return along;
  });
  return new DyadicError("BAD_INPUT", "the array holds a value that is not finite", {
    expected: "finite numbers",
    found: `${real} at [${index.reverse().join(", ")}]`,
  });
}
