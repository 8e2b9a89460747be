import { DyadicError } from "../error.ts";

export type NpyData =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** An array of a NumPy file: `data` in C order, `shape` possibly empty (a scalar). */
export interface Npy {
  readonly dtype: "int8" | "uint8" | "int16" | "int32" | "int64" | "float32" | "float64";
  readonly shape: readonly number[];
  readonly data: NpyData;
}

interface Element {
  readonly dtype: Npy["dtype"];
  readonly bytes: number;
  readonly make: (buffer: ArrayBuffer) => NpyData;
}

const ELEMENTS = new Map<string, Element>([
  ["|i1", { dtype: "int8", bytes: 1, make: (b) => new Int8Array(b) }],
  ["|u1", { dtype: "uint8", bytes: 1, make: (b) => new Uint8Array(b) }],
  ["<i2", { dtype: "int16", bytes: 2, make: (b) => new Int16Array(b) }],
  ["<i4", { dtype: "int32", bytes: 4, make: (b) => new Int32Array(b) }],
  ["<i8", { dtype: "int64", bytes: 8, make: (b) => new BigInt64Array(b) }],
  ["<f4", { dtype: "float32", bytes: 4, make: (b) => new Float32Array(b) }],
  ["<f8", { dtype: "float64", bytes: 8, make: (b) => new Float64Array(b) }],
]);

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAX_HEADER = 1 << 16;
const MAX_RANK = 32;

/**
 * Reads a .npy file (format 1, 2 or 3): little-endian integers of 1 to 8 bytes or floats of 4 or 8, C order.
 * The data is a copy. Throws BAD_FILE for anything else, and for a file longer or shorter than its array.
 */
export function readNpy(bytes: Uint8Array, file?: string): Npy {
  try {
    const { header, end } = readHeader(bytes);
    const { element, shape } = parseHeader(header);
    const expected = shape.reduce((product, size) => product * size, element.bytes);
    if (bytes.length - end !== expected) {
      throw bad("the file does not hold its array", `${expected} bytes`, `${bytes.length - end}`);
    }
    return { dtype: element.dtype, shape, data: element.make(new Uint8Array(bytes.subarray(end)).buffer) };
  } catch (error) {
    throw error instanceof DyadicError && file !== undefined ? error.at({ file }) : error;
  }
}

function bad(problem: string, expected: string, found: string): DyadicError {
  return new DyadicError("BAD_FILE", problem, { expected, found });
}

function readHeader(bytes: Uint8Array): { header: string; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw bad("this is not a .npy file", '93 "NUMPY" at the start', `${bytes.length} other bytes`);
  }
  const version = view.getUint8(6);
  if (version < 1 || version > 3) throw bad("unknown version of the .npy format", "1, 2 or 3", `${version}`);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER || start + length > bytes.length) {
    throw bad(
      "the header is too long",
      `at most ${Math.min(MAX_HEADER, bytes.length - start)} bytes`,
      `${length}`,
    );
  }
  const end = start + length;
  return { header: new TextDecoder("latin1").decode(bytes.subarray(start, end)), end };
}

/** The header is a Python dict literal with exactly three keys, in any order. */
function parseHeader(header: string): { element: Element; shape: readonly number[] } {
  const descr = /'descr': *'([^']{1,8})'/.exec(header)?.[1];
  const order = /'fortran_order': *(True|False)/.exec(header)?.[1];
  const sizes = /'shape': *\(([\d, ]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || sizes === undefined) {
    throw bad(
      "the header is not that of a plain array",
      "descr, fortran_order, shape",
      header.slice(0, 80).trim(),
    );
  }
  const element = ELEMENTS.get(descr);
  if (element === undefined) throw bad("the dtype is not supported", [...ELEMENTS.keys()].join(" "), descr);
  const shape = sizes
    .split(",")
    .map((size) => size.trim())
    .filter((size) => size !== "")
    .map(Number);
  if (shape.length > MAX_RANK || !shape.every(Number.isSafeInteger)) {
    throw bad("the shape is impossible", `at most ${MAX_RANK} sizes`, `(${sizes.slice(0, 80)})`);
  }
  if (order === "True" && shape.filter((size) => size > 1).length > 1) {
    throw bad(
      "the array is in Fortran order",
      "C order: save numpy.ascontiguousarray(x)",
      "fortran_order True",
    );
  }
  return { element, shape };
}
