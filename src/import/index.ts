import { DyadicError } from "../error.ts";
import type { Graph } from "../graph/graph.ts";
import { hasGraph } from "./onnx/decode.ts";
import { importOnnx, type OnnxOptions } from "./onnx/index.ts";
import { importTflite } from "./tflite/index.ts";

/** What some formats need besides the file itself. */
export interface ImportOptions extends OnnxOptions {}

/** ONNX is a protobuf without magic: its first field is `ir_version`, a small varint. */
const ONNX_IR_VERSION_TAG = 0x08;
const MAX_IR_VERSION = 32;

/**
 * Reads a model of any format that Dyadic knows, told apart by its first bytes.
 * Throws BAD_FILE for an unknown or damaged file, UNSUPPORTED_OP for a model that Dyadic cannot run.
 */
export function importModel(bytes: Uint8Array, file?: string, options: ImportOptions = {}): Graph {
  if (isTflite(bytes)) return importTflite(bytes, file, options.survey);
  if (isOnnx(bytes)) return importOnnx(bytes, file, options);
  const place = file === undefined ? {} : { file };
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  throw new DyadicError("BAD_FILE", "the file is not a model that Dyadic knows", {
    ...place,
    expected: 'a TFLite model ("TFL3" at byte 4) or an ONNX model',
    found: bytes.length === 0 ? "an empty file" : `${bytes.length} bytes that start with ${start}`,
  });
}

function isTflite(bytes: Uint8Array): boolean {
  return bytes.length >= 8 && String.fromCharCode(...bytes.subarray(4, 8)) === "TFL3";
}

/** Starts as every exporter writes it, even if it is cut off later; or has a graph behind fields in another order. */
export function isOnnx(bytes: Uint8Array): boolean {
  const [tag, version = 0, next = 0] = bytes;
  const isLengthDelimitedOrVarint = (next & 7) === 2 || (next & 7) === 0;
  const starts = tag === ONNX_IR_VERSION_TAG && version > 0 && version <= MAX_IR_VERSION;
  return (starts && isLengthDelimitedOrVarint) || hasGraph(bytes);
}
