import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

export const SIDE = 28;
export const PIXELS = SIDE * SIDE;

/** Images of SIDE x SIDE bytes, white on black, one behind the other, with their classes. */
export interface Digits {
  readonly count: number;
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

/** Reads one half of MNIST from its gzipped IDX files. */
export function readDigits(directory: string, half: "train" | "test"): Digits {
  const pixels = readIdx(join(directory, `${half}-images-idx3-ubyte.gz`), [SIDE, SIDE]);
  const labels = readIdx(join(directory, `${half}-labels-idx1-ubyte.gz`), []);
  if (pixels.length !== labels.length * PIXELS)
    throw new Error(`${half}: images and labels differ in number`);
  return { count: labels.length, pixels, labels };
}

/** The bytes behind an IDX header: 00 00, 08 for unsigned bytes, the rank, then big-endian sizes. */
function readIdx(path: string, item: readonly number[]): Uint8Array {
  const bytes = gunzipSync(readFileSync(path));
  const sizes = Array.from({ length: bytes[3]! }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const data = new Uint8Array(bytes.subarray(4 + 4 * sizes.length));
  const expected = sizes.reduce((product, size) => product * size, 1);
  if (bytes[2] !== 8 || sizes.slice(1).join() !== item.join() || data.length !== expected) {
    throw new Error(`${path}: not an IDX file of bytes with items of [${item}]`);
  }
  return data;
}
