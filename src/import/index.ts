import { DyadicError } from "../error.ts";
import type { Graph } from "../graph/graph.ts";
import { importTflite } from "./tflite/index.ts";

/** ONNX is a protobuf without magic: it starts with its first field, `ir_version`, a small varint. */
const ONNX_IR_VERSION_TAG = 0x08;
const MAX_IR_VERSION = 32;

/**
 * Reads a model of any format that Dyadic knows, told apart by its first bytes.
 * Throws BAD_FILE for an unknown or damaged file, UNSUPPORTED_OP for a model that Dyadic cannot run.
 */
export function importModel(bytes: Uint8Array, file?: string): Graph {
  if (isTflite(bytes)) return importTflite(bytes, file);
  const place = file === undefined ? {} : { file };
  if (isOnnx(bytes)) {
    throw new DyadicError("UNSUPPORTED_OP", "ONNX import is not built yet", {
      ...place,
      hint: "convert the model to a quantized .tflite",
    });
  }
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new DyadicError("BAD_FILE", "the file is not a model that Dyadic knows", {
    ...place,
    expected: 'a TFLite model ("TFL3" at byte 4)',
    found: bytes.length === 0 ? "an empty file" : `${bytes.length} bytes that start with ${start}`,
  });
}

function isTflite(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && String.fromCharCode(...bytes.subarray(4, 8)) === "TFL3";
}

function isOnnx(bytes: Uint8Array): boolean {
  const [tag, version = 0, next = 0] = bytes;
  const isLengthDelimitedOrVarint = (next & 7) === 2 || (next & 7) === 0;
  return tag === ONNX_IR_VERSION_TAG && version > 0 && version <= MAX_IR_VERSION && isLengthDelimitedOrVarint;
}
