import { PREFIX_BYTES, PREFIX_DIGEST } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { hex, sha256 } from "../numerics/sha256.ts";

/** SHA-256 of a model file, its own 32 digest bytes taken as zero. */
export function modelDigest(file: Uint8Array): Uint8Array {
  const blank = file.slice();
  blank.fill(0, PREFIX_DIGEST, PREFIX_BYTES);
  return sha256(blank);
}

/** Throws CORRUPT where a model file does not have the digest that it states. */
export function verifyDigest(bytes: Uint8Array, file?: string): void {
  const stated = bytes.subarray(PREFIX_DIGEST, PREFIX_BYTES);
  const actual = modelDigest(bytes);
  if (hex(stated) === hex(actual)) return;
  throw new DyadicError("CORRUPT", "the file's bytes do not have the digest that its prefix states", {
    ...(file !== undefined && { file }),
    expected: hex(stated),
    found: hex(actual),
    hint: "the file was changed or cut short on the way: fetch it again",
  });
}
