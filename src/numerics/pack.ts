// Twin of assembly/numerics/unpack.ts, which draws the planes.
import { PLANE_BYTES } from "../../assembly/abi.ts";

/** Bits of a stored weight. 7 are bytes of a smaller range; ternary weights are those of 2, binary ones -1 and +1. */
export type WeightBits = 8 | 7 | 6 | 5 | 4 | 3 | 2 | 1;

/** Smallest and largest code of a width. */
export function weightRange(bits: WeightBits): readonly [min: number, max: number] {
  return bits === 1 ? [-1, 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** Bits of a stored activation. Codes of 16, 8, 4 and 2 bits are signed, those of 1 bit are 0 and 1. */
export type ActivationBits = 16 | 8 | 4 | 2 | 1;

/** Activations in the integer meanings of an op: one element a code, Int16Array for codes of 16 bits. */
export type Codes = Int8Array | Int16Array;

/** Room for codes of a width. */
export function codesOf(length: number, bits: ActivationBits): Codes {
  return bits === 16 ? new Int16Array(length) : new Int8Array(length);
}

/** Smallest and largest code of an activation's width. */
export function activationRange(bits: ActivationBits): readonly [min: number, max: number] {
  return bits === 1 ? [0, 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}

/** Bytes of a pixel: every pixel starts on one. */
export function pixelBytes(channels: number, bits: ActivationBits): number {
  return Math.ceil((channels * bits) / 8);
}

/** Widths of the planes, the lowest bits first. */
function planesOf(bits: WeightBits): number[] {
  if (bits >= 7) return [8];
  const low = bits >= 4 ? 4 : bits >= 2 ? 2 : 1;
  return bits > low ? [low, bits - low] : [low];
}

function planeBytes(vectors: number, width: number): number {
  return Math.ceil((vectors * width) / 8) * PLANE_BYTES;
}

/** Bytes of a block of so many canonical codes, a multiple of 16. */
export function packedBytes(codes: number, bits: WeightBits): number {
  return planesOf(bits).reduce((sum, width) => sum + planeBytes(codes / PLANE_BYTES, width), 0);
}

/** Canonical codes, `block` at a time, as planes; padding (0) of binary ones comes back as +1 and is cleared there. */
export function packPlanes(codes: Int8Array, block: number, bits: WeightBits): Int8Array {
  if (bits >= 7) return codes;
  const bytes = packedBytes(block, bits);
  const packed = new Int8Array((codes.length / block) * bytes);
  codes.forEach((code, at) => {
    const index = at % block;
    const vector = Math.floor(index / PLANE_BYTES);
    let plane = Math.floor(at / block) * bytes;
    let rest = bits === 1 ? Number(code < 0) : code & (2 ** bits - 1);
    for (const width of planesOf(bits)) {
      const each = 8 / width;
      const place = plane + Math.floor(vector / each) * PLANE_BYTES + (index % PLANE_BYTES);
      packed[place]! |= (rest & (2 ** width - 1)) << ((vector % each) * width);
      rest >>= width;
      plane += planeBytes(block / PLANE_BYTES, width);
    }
  });
  return packed;
}
