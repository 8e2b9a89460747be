import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { DyadicError } from "../../error.ts";
import { arraySamples } from "../../inputs/array.ts";
import { emptySample, type InputMetadata, type Sample } from "../../inputs/metadata.ts";
import { fittedPicture } from "../../inputs/picture.ts";
import { type Preparation, pictureSample } from "../../inputs/preparation.ts";
import { decodePicture } from "./picture.ts";

/** Reads the file at `path` as samples of a model input. Throws BAD_INPUT with the file, what was expected and found. */
export function readInputs(path: string, metadata: InputMetadata, options: Preparation = {}): Sample[] {
  return decodeInputs(readInputFile(path), path, metadata, options);
}

/** The bytes of the file at `path`. Throws BAD_INPUT. */
export function readInputFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const found = error instanceof Error ? error.message : `${error}`;
    throw new DyadicError("BAD_INPUT", "the file cannot be read", { file: path, found }, error);
  }
}

/**
 * The samples in a file's bytes, by its extension:
 * .npy: N samples, codes or floats · .png .jpg .jpeg: one picture, in the model's channels, stretched to its
 * size and prepared (src/inputs) · .raw .bin .dat: the canonical bytes of one sample or of
 * several, as the engine takes them.
 * Throws BAD_INPUT with the file, what was expected and found; BAD_ARGUMENT for impossible options.
 */
export function decodeInputs(
  bytes: Uint8Array,
  file: string,
  metadata: InputMetadata,
  options: Preparation = {},
): Sample[] {
  try {
    if (bytes.length === 0) throw new DyadicError("BAD_INPUT", "the file is empty");
    switch (extname(file).toLowerCase()) {
      case ".npy":
        return arraySamples(bytes, metadata, options);
      case ".png":
        return [pictureIn(bytes, "png", metadata, options)];
      case ".jpg":
      case ".jpeg":
        return [pictureIn(bytes, "jpg", metadata, options)];
      case ".raw":
      case ".bin":
      case ".dat":
        return rawSamples(bytes, metadata);
      default:
        throw new DyadicError("BAD_INPUT", "this kind of input file is not known", {
          expected: ".npy, .png, .jpg, .jpeg, .raw, .bin or .dat",
          found: extname(file) || "no extension",
        });
    }
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file }) : error;
  }
}

function pictureIn(
  bytes: Uint8Array,
  kind: "png" | "jpg",
  metadata: InputMetadata,
  options: Preparation,
): Sample {
  const picture = fittedPicture(decodePicture(bytes, kind), metadata.canonicalShape, options);
  return pictureSample(picture, metadata, options);
}

function rawSamples(bytes: Uint8Array, metadata: InputMetadata): Sample[] {
  const size = emptySample(metadata).length;
  if (bytes.length % size !== 0) {
    throw new DyadicError("BAD_INPUT", "the file does not fill the model's input", {
      expected: `${size} bytes of ${metadata.dtype} [${metadata.canonicalShape.join(", ")}], or a multiple`,
      found: `${bytes.length} bytes`,
    });
  }
  return Array.from({ length: bytes.length / size }, (_, i) => {
    const sample = emptySample(metadata);
    sample.set(bytes.subarray(i * size, (i + 1) * size)); // an Int8Array takes byte 255 as -1
    return sample;
  });
}
