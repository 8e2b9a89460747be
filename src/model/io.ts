// Part of the runtime that ships to devices: only the contract constants and the error class come with it.
import {
  DTYPE_INT8,
  DTYPE_INT16,
  DTYPE_INT32,
  DTYPE_UINT8,
  IO_BYTES,
  IO_CANONICAL_SHAPE,
  IO_DTYPE,
  IO_HEADER_BYTES,
  IO_LABELS_AT,
  IO_LABELS_BYTES,
  IO_LAYOUT,
  IO_MAX_RANK,
  IO_NAME_AT,
  IO_NAME_BYTES,
  IO_ORIGINAL_RANK,
  IO_ORIGINAL_SHAPE,
  IO_RECORD_BYTES,
  IO_ROLE,
  IO_SCALE,
  IO_TENSOR,
  IO_ZERO_POINT,
  IO_ZERO_POINTS_AT,
  IO_ZERO_POINTS_COUNT,
  LAYOUT_FLAT,
  LAYOUT_NCHW,
  LAYOUT_NHWC,
  MAX_EXTENT,
  MAX_TENSORS,
  ROLE_INPUT,
  ROLE_OUTPUT,
  ROLE_STATE,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";

const ROLES = { [ROLE_INPUT]: "input", [ROLE_OUTPUT]: "output", [ROLE_STATE]: "state" } as const;
const DTYPES = {
  [DTYPE_INT8]: "int8",
  [DTYPE_UINT8]: "uint8",
  [DTYPE_INT16]: "int16",
  [DTYPE_INT32]: "int32",
} as const;
const ELEMENT_BYTES = { int8: 1, uint8: 1, int16: 2, int32: 4 } as const;
const LAYOUTS = { [LAYOUT_FLAT]: "flat", [LAYOUT_NHWC]: "NHWC", [LAYOUT_NCHW]: "NCHW" } as const;

/** An input, output or state of a model, as the host sees it. */
export interface IoTensor {
  readonly name: string;
  readonly role: "input" | "output" | "state";
  /** Index into the plan's tensors. */
  readonly tensor: number;
  /** What the host hands over or receives, and the range that the zero points are in. */
  readonly dtype: "int8" | "uint8" | "int16" | "int32";
  /** Dense canonical bytes. */
  readonly bytes: number;
  readonly scale: number;
  readonly zeroPoint: number;
  /** One per channel, where the tensor has them. */
  readonly zeroPoints?: Int32Array;
  readonly labels?: readonly string[];
  /** Shape as the model's author declared it, in this layout. */
  readonly shape: readonly number[];
  readonly layout: "flat" | "NHWC" | "NCHW";
  readonly canonicalShape: readonly [height: number, width: number, channels: number];
}

/** Reads an io section; throws CORRUPT with the record and the field. */
export function readIo(section: Uint8Array): IoTensor[] {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  const count = section.length >= IO_HEADER_BYTES ? view.getUint32(0, true) : -1;
  if (count < 0 || count > MAX_TENSORS || IO_HEADER_BYTES + count * IO_RECORD_BYTES > section.length) {
    throw new DyadicError("CORRUPT", "the io section does not hold its records", {
      found: `${count} records`,
    });
  }
  const blob = section.subarray(IO_HEADER_BYTES + count * IO_RECORD_BYTES);
  let unread = blob.length; // no byte is needed twice: records that share them could multiply a small file
  const range: ReadRange = (at, bytes) => {
    const start = at - (section.length - blob.length);
    unread -= bytes;
    return start >= 0 && bytes >= 0 && unread >= 0 && start + bytes <= blob.length
      ? blob.slice(start, start + bytes)
      : undefined;
  };
  return Array.from({ length: count }, (_, i) => readRecord(view, i, range));
}

/** Bytes of the blob by their offset in the section; undefined where they are not there. */
type ReadRange = (at: number, bytes: number) => Uint8Array | undefined;

function readRecord(view: DataView, i: number, range: ReadRange): IoTensor {
  const word = (at: number) => view.getInt32(IO_HEADER_BYTES + i * IO_RECORD_BYTES + at, true);
  const check = <T>(good: boolean, field: string, value: T): T => {
    if (good) return value;
    throw new DyadicError("CORRUPT", `io record ${i}: ${field} is wrong`, { found: `${value}` });
  };
  const choice = <T extends string>(names: Readonly<Record<number, T>>, at: number, field: string): T =>
    names[check(names[word(at)] !== undefined, field, word(at))]!;
  const blob = (at: number, bytes: number, field: string): Uint8Array => {
    const found = range(at, bytes);
    return found ?? check(false, field, new Uint8Array(0));
  };
  const text = (at: number, bytes: number, field: string) =>
    new TextDecoder().decode(blob(word(at), word(bytes), field));
  const shape = (at: number, rank: number, field: string) =>
    Array.from({ length: rank }, (_, axis) => {
      const size = word(at + 4 * axis);
      return check(size >= 1 && size < 2 ** 31, field, size);
    });

  const dtype = choice(DTYPES, IO_DTYPE, "the dtype");
  const canonicalShape = shape(IO_CANONICAL_SHAPE, 3, "the canonical shape") as [number, number, number];
  check(
    canonicalShape.every((size) => size <= MAX_EXTENT),
    "the canonical shape",
    canonicalShape.join(),
  );
  const elements = canonicalShape[0] * canonicalShape[1] * canonicalShape[2];
  const rank = check(
    word(IO_ORIGINAL_RANK) >= 0 && word(IO_ORIGINAL_RANK) <= IO_MAX_RANK,
    "the rank",
    word(IO_ORIGINAL_RANK),
  );
  const original = shape(IO_ORIGINAL_SHAPE, rank, "the original shape");
  check(original.reduce((a, b) => a * b, 1) === elements, "the original shape", original.join());
  const scale = view.getFloat32(IO_HEADER_BYTES + i * IO_RECORD_BYTES + IO_SCALE, true);
  const points = word(IO_ZERO_POINTS_AT) === 0 ? undefined : zeroPoints(word, blob, canonicalShape[2]);
  return {
    name: text(IO_NAME_AT, IO_NAME_BYTES, "the name"),
    role: choice(ROLES, IO_ROLE, "the role"),
    tensor: check(word(IO_TENSOR) >= 0 && word(IO_TENSOR) < MAX_TENSORS, "the tensor", word(IO_TENSOR)),
    dtype,
    bytes: check(word(IO_BYTES) === elements * ELEMENT_BYTES[dtype], "the byte count", word(IO_BYTES)),
    scale: check(scale > 0 && scale < Infinity, "the scale", scale),
    zeroPoint: word(IO_ZERO_POINT),
    ...(points !== undefined && { zeroPoints: points }),
    ...(word(IO_LABELS_AT) !== 0 && {
      labels: text(IO_LABELS_AT, IO_LABELS_BYTES, "the labels").split("\n"),
    }),
    shape: original,
    layout: choice(LAYOUTS, IO_LAYOUT, "the layout"),
    canonicalShape,
  };
}

function zeroPoints(
  word: (at: number) => number,
  blob: (at: number, bytes: number, field: string) => Uint8Array,
  channels: number,
): Int32Array {
  const count = word(IO_ZERO_POINTS_COUNT);
  const bytes = blob(word(IO_ZERO_POINTS_AT), count === channels ? 4 * count : -1, "the zero points");
  const view = new DataView(bytes.buffer, bytes.byteOffset); // a slice of Node's Buffer starts inside its buffer
  return Int32Array.from({ length: count }, (_, channel) => view.getInt32(4 * channel, true));
}
