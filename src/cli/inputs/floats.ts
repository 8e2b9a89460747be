// Samples of float models, for calibration and comparison.
import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { DyadicError } from "../../error.ts";
import { elements } from "../../graph/graph.ts";
import { matchShape, notFinite, planarPosition, readArray } from "./array.ts";
import { fittedPicture, readInputFile } from "./index.ts";
import type { InputShape } from "./metadata.ts";
import { type Preparation, realOf } from "./preparation.ts";

const PICTURES: Readonly<Record<string, "png" | "jpg">> = { ".png": "png", ".jpg": "jpg", ".jpeg": "jpg" };

/** A set of files that becomes samples once the model's input is known. */
export interface FloatSource {
  /** Whether it holds bytes, of which the model's numbers are made. */
  readonly isBytes: boolean;
  /** One sample an element; pictures are decoded when they are asked for. Throws BAD_INPUT naming the file. */
  samples(input: InputShape): { readonly length: number; at(index: number): Float32Array };
}

/**
 * Opens a folder of pictures (png, jpg; in the order of their names), one picture, or a .npy file of float values or of
 * uint8 bytes; bytes are prepared as `options` say. Throws BAD_INPUT where there is nothing in it.
 */
export function openFloats(path: string, options: Preparation): FloatSource {
  try {
    if (isFolder(path)) return pictureSource(picturesIn(path), options);
    if (PICTURES[extname(path).toLowerCase()] !== undefined) return pictureSource([path], options);
    if (extname(path).toLowerCase() === ".npy") return arraySource(path, options);
    throw new DyadicError("BAD_INPUT", "samples of a float model cannot be read from this", {
      expected: "a folder of png and jpg pictures, or .npy",
      found: extname(path) || "no extension",
    });
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file: path }) : error;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new DyadicError("BAD_INPUT", "the samples cannot be read", { found: `${error}` }, error);
  }
}

function picturesIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => PICTURES[extname(name).toLowerCase()] !== undefined);
  if (names.length === 0) {
    throw new DyadicError("BAD_INPUT", "the folder has no pictures in it", {
      expected: "png or jpg pictures of what the model will see; some 100 are enough",
    });
  }
  return names.sort((a, b) => (a < b ? -1 : 1)).map((name) => join(folder, name));
}

function pictureSource(files: readonly string[], options: Preparation): FloatSource {
  return {
    isBytes: true,
    samples: ({ canonicalShape }) => {
      const real = realOf(canonicalShape[2], options);
      const at = (index: number) => {
        const file = files[index]!;
        try {
          const kind = PICTURES[extname(file).toLowerCase()]!;
          const { bytes } = fittedPicture(readInputFile(file), kind, canonicalShape, options);
          const values = new Float32Array(bytes.length);
          for (let i = 0; i < values.length; i++) values[i] = real(bytes[i]!, i);
          return values;
        } catch (error) {
          throw error instanceof DyadicError ? error.at({ file }) : error;
        }
      };
      return { length: files.length, at };
    },
  };
}

function arraySource(path: string, options: Preparation): FloatSource {
  const { data, dtype, shape } = readArray(readInputFile(path));
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
    const transposed = located(path, () => matchShape(shape, input));
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

function located<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file }) : error;
  }
}
