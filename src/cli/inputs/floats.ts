// Samples of float models on disk.
import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { DyadicError } from "../../error.ts";
import { fittedPicture } from "../../inputs/picture.ts";
import type { Preparation } from "../../inputs/preparation.ts";
import { arraySource, type FloatSource, pictureSource } from "../../inputs/samples.ts";
import { readInputFile } from "./index.ts";
import { decodePicture } from "./picture.ts";

const PICTURES: Readonly<Record<string, "png" | "jpg">> = { ".png": "png", ".jpg": "jpg", ".jpeg": "jpg" };

/**
 * Opens a folder of pictures (png, jpg; in the order of their names), one picture, or a .npy file of float values or of
 * uint8 bytes; bytes are prepared as `options` say. Throws BAD_INPUT naming the file, also where there is nothing in it.
 */
export function openFloats(path: string, options: Preparation): FloatSource {
  return located(path, () => {
    if (isFolder(path)) return pictureFiles(picturesIn(path), options);
    if (PICTURES[extname(path).toLowerCase()] !== undefined) return pictureFiles([path], options);
    if (extname(path).toLowerCase() === ".npy") {
      const source = arraySource(readInputFile(path), options);
      return { ...source, samples: (input) => located(path, () => source.samples(input)) };
    }
    throw new DyadicError("BAD_INPUT", "samples of a float model cannot be read from this", {
      expected: "a folder of png and jpg pictures, or .npy",
      found: extname(path) || "no extension",
    });
  });
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

/** Pictures that are read and decoded when they are asked for. */
function pictureFiles(files: readonly string[], options: Preparation): FloatSource {
  const fitted = (index: number, shape: readonly [number, number, number]) => {
    const file = files[index]!;
    const kind = PICTURES[extname(file).toLowerCase()]!;
    return located(file, () => fittedPicture(decodePicture(readInputFile(file), kind), shape, options));
  };
  return pictureSource(files.length, fitted, options);
}

function located<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file }) : error;
  }
}
