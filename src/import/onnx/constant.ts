import { DyadicError } from "../../error.ts";
import { elements, type Quantization } from "../../graph/graph.ts";
import type { TensorProto } from "./messages.ts";

export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

/** The element types that Dyadic reads. 64-bit integers are float64 here: all that models use are exact. */
export type ElementType =
  | "float"
  | "double"
  | "float16"
  | "bfloat16"
  | "int64"
  | "uint64"
  | "int32"
  | "uint32"
  | "int16"
  | "uint16"
  | "int8"
  | "uint8"
  | "int4"
  | "uint4"
  | "int2"
  | "uint2"
  | "bool";

/** Bits of the types that codes have. */
export const CODE_BITS: Readonly<Partial<Record<ElementType, number>>> = {
  int8: 8,
  uint8: 8,
  int4: 4,
  uint4: 4,
  int2: 2,
  uint2: 2,
};

/** How much lower the signed codes inside are than the file's. */
export function unsignedShift(type: ElementType): number {
  return CODE_BITS[type] !== undefined && type.startsWith("u") ? 2 ** (CODE_BITS[type] - 1) : 0;
}

/** A tensor that is known at import, in the file's own order of dimensions. */
export interface Constant {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: NumericArray;
  /**
   * Set where the constant is codes behind a DequantizeLinear; its `data` stays the codes. Zero points are those of
   * signed codes: `unsignedShift` lower.
   */
  readonly quantization?: Quantization;
}

interface Element {
  readonly type: ElementType;
  readonly bits: number;
  readonly fromBytes: (bytes: Uint8Array) => NumericArray;
  readonly fromValues: (values: readonly number[]) => NumericArray;
}

/** A copy at an aligned address. */
const aligned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

const ELEMENTS: Readonly<Record<number, Element>> = {
  1: element(
    "float",
    32,
    (b) => new Float32Array(b),
    (v) => Float32Array.from(v),
  ),
  2: element(
    "uint8",
    8,
    (b) => new Uint8Array(b),
    (v) => Uint8Array.from(v),
  ),
  3: element(
    "int8",
    8,
    (b) => new Int8Array(b),
    (v) => Int8Array.from(v),
  ),
  4: element(
    "uint16",
    16,
    (b) => new Uint16Array(b),
    (v) => Uint16Array.from(v),
  ),
  5: element(
    "int16",
    16,
    (b) => new Int16Array(b),
    (v) => Int16Array.from(v),
  ),
  6: element(
    "int32",
    32,
    (b) => new Int32Array(b),
    (v) => Int32Array.from(v),
  ),
  7: element(
    "int64",
    64,
    (b) => Float64Array.from(new BigInt64Array(b), Number),
    (v) => Float64Array.from(v),
  ),
  9: element(
    "bool",
    8,
    (b) => new Uint8Array(b),
    (v) => Uint8Array.from(v),
  ),
  10: element(
    "float16",
    16,
    (b) => Float32Array.from(new Uint16Array(b), fromHalf),
    (v) => Float32Array.from(v, fromHalf),
  ),
  11: element(
    "double",
    64,
    (b) => new Float64Array(b),
    (v) => Float64Array.from(v),
  ),
  12: element(
    "uint32",
    32,
    (b) => new Uint32Array(b),
    (v) => Uint32Array.from(v),
  ),
  13: element(
    "uint64",
    64,
    (b) => Float64Array.from(new BigUint64Array(b), Number),
    (v) => Float64Array.from(v),
  ),
  16: element(
    "bfloat16",
    16,
    (b) => Float32Array.from(new Uint16Array(b), fromBrain),
    (v) => Float32Array.from(v, fromBrain),
  ),
  21: element(
    "uint4",
    4,
    (b) => narrow(b, 4, 0),
    (v) => narrow(aligned(Uint8Array.from(v)), 4, 0),
  ),
  22: element(
    "int4",
    4,
    (b) => narrow(b, 4, 8),
    (v) => narrow(aligned(Uint8Array.from(v)), 4, 8),
  ),
  25: element(
    "uint2",
    2,
    (b) => narrow(b, 2, 0),
    (v) => narrow(aligned(Uint8Array.from(v)), 2, 0),
  ),
  26: element(
    "int2",
    2,
    (b) => narrow(b, 2, 2),
    (v) => narrow(aligned(Uint8Array.from(v)), 2, 2),
  ),
};

function element(
  type: ElementType,
  bits: number,
  fromBuffer: (buffer: ArrayBuffer) => NumericArray,
  fromValues: (values: readonly number[]) => NumericArray,
): Element {
  return { type, bits, fromBytes: (bytes) => fromBuffer(aligned(bytes)), fromValues };
}

/** Value of IEEE binary16 bits. */
function fromHalf(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

const BRAIN = new DataView(new ArrayBuffer(4));
function fromBrain(bits: number): number {
  BRAIN.setUint16(0, bits & 0xffff);
  return BRAIN.getFloat32(0);
}

/** Several elements a byte, the lowest bits first; `half` is half the range for signed ones, else 0. */
function narrow(buffer: ArrayBuffer, bits: 4 | 2, half: number): Int8Array {
  const bytes = new Uint8Array(buffer);
  const perByte = 8 / bits;
  return Int8Array.from({ length: bytes.length * perByte }, (_, i) => {
    const code = (bytes[Math.floor(i / perByte)]! >> (bits * (i % perByte))) & (2 ** bits - 1);
    return (code ^ half) - half;
  });
}

/** Element types that Dyadic cannot read, for messages. */
const UNREAD: Readonly<Record<number, string>> = {
  8: "string",
  14: "complex64",
  15: "complex128",
  17: "float8e4m3fn",
  18: "float8e4m3fnuz",
  19: "float8e5m2",
  20: "float8e5m2fnuz",
  23: "float4e2m1",
  24: "float8e8m0",
};

/** Name of an element type in messages. */
export function typeName(dataType: number): string {
  return ELEMENTS[dataType]?.type ?? UNREAD[dataType] ?? `type ${dataType}`;
}

export function isFloat(type: ElementType): boolean {
  return type === "float" || type === "double" || type === "float16" || type === "bfloat16";
}

/** Sizes, amounts or indices. Throws BAD_FILE for other numbers than integers, which a constant of another type has. */
export function integersOf({ name, data }: Constant): number[] {
  const wrong = data.find((value) => !Number.isInteger(value));
  if (wrong === undefined) return Array.from(data);
  throw new DyadicError("BAD_FILE", `"${name}" has to be integers`, { found: `${wrong}` });
}

/** The reals that a constant of codes stands for; any other constant as it is. */
export function dequantized(constant: Constant): Constant {
  const { name, type, shape, quantization } = constant;
  if (quantization === undefined) return constant;
  const { scale, zeroPoint, axis } = quantization;
  const shift = unsignedShift(type);
  const inner = axis === null ? 1 : elements(shape.slice(axis + 1));
  const data = Float32Array.from(constant.data, (code, i) => {
    const channel = Math.floor(i / inner) % scale.length;
    return scale[channel]! * (code - zeroPoint[channel]! - shift);
  });
  return { name, type: "float", shape, data };
}

/** Reads a file beside the model, by the name that the model has for it. Throws DyadicError where there is none. */
export type ReadExternal = (name: string) => Uint8Array;

/** External data may be claimed about once: a hostile model could otherwise ask for the same bytes without end. */
const CLAIMS_PER_BYTE = 4;
const SPARE_CLAIMS = 1 << 16;
const MAX_RANK = 8;

/** Turns TensorProtos into constants, fetching external data through the caller. */
export class ConstantReader {
  private readonly readExternal: ReadExternal | undefined;
  private readonly files = new Map<string, { bytes: Uint8Array; budget: number }>();

  constructor(readExternal: ReadExternal | undefined) {
    this.readExternal = readExternal;
  }

  /** Throws BAD_FILE for damage and missing external data, UNSUPPORTED_OP for element types that Dyadic has not. */
  read(tensor: TensorProto): Constant {
    const { name, dims } = tensor;
    const shown = name || "(constant)";
    const kind = ELEMENTS[tensor.dataType];
    if (kind === undefined) {
      throw new DyadicError(
        "UNSUPPORTED_OP",
        `the constant "${shown}" has an element type that Dyadic has not`,
        {
          expected: Object.values(ELEMENTS)
            .map(({ type }) => type)
            .join(", "),
          found: typeName(tensor.dataType),
        },
      );
    }
    const count = elements(dims);
    if (dims.length > MAX_RANK || !dims.every((size) => size >= 0) || !(count < 2 ** 31)) {
      throw new DyadicError("BAD_FILE", `the constant "${shown}" has an impossible shape`, {
        found: `[${dims.slice(0, 2 * MAX_RANK).join(", ")}]`,
      });
    }
    const expected = Math.ceil((count * kind.bits) / 8);
    const bytes = tensor.dataLocation === 1 ? this.external(tensor, shown, expected) : tensor.rawData;
    const useValues = bytes === null || (bytes.length === 0 && tensor.values.length > 0);
    const found = useValues ? Math.ceil((tensor.values.length * Math.max(8, kind.bits)) / 8) : bytes.length;
    if (found !== expected) {
      throw new DyadicError("BAD_FILE", `the constant "${shown}" does not fill its shape`, {
        expected: `${expected} bytes for ${kind.type}[${dims.join(", ")}]`,
        found: `${found}`,
      });
    }
    const data = useValues ? kind.fromValues(tensor.values) : kind.fromBytes(bytes);
    return {
      name,
      type: kind.type,
      shape: dims,
      data: data.length === count ? data : data.subarray(0, count),
    };
  }

  private external(tensor: TensorProto, name: string, expected: number): Uint8Array {
    const location = tensor.external.get("location") ?? "";
    const offset = Number(tensor.external.get("offset") ?? 0);
    const length = Number(tensor.external.get("length") ?? expected);
    const file = this.open(location, name);
    const fits = Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length >= 0;
    if (!fits || offset + length > file.bytes.length) {
      throw new DyadicError(
        "BAD_FILE",
        `the constant "${name}" lies outside its external file "${location}"`,
        {
          expected: `${length} bytes at ${offset}`,
          found: `a file of ${file.bytes.length} bytes`,
          hint: "the data file is truncated or belongs to another model; copy both again",
        },
      );
    }
    file.budget -= length;
    if (file.budget < 0) {
      throw new DyadicError("BAD_FILE", `the constants share the bytes of "${location}" over and over`, {
        hint: "no exporter writes such a file; export the model again",
      });
    }
    return file.bytes.subarray(offset, offset + length);
  }

  private open(location: string, name: string) {
    const known = this.files.get(location);
    if (known !== undefined) return known;
    const problem = `the constant "${name}" is in the external file "${location}"`;
    const hint =
      "put the data file beside the model (readExternal supplies it), or save the model as one file";
    if (this.readExternal === undefined || location === "") {
      throw new DyadicError("BAD_FILE", `${problem}, which was not given`, { hint });
    }
    let bytes: Uint8Array;
    try {
      bytes = this.readExternal(location);
    } catch (error) {
      const found = error instanceof Error ? error.message.split("\n").join(" ") : `${error}`;
      throw new DyadicError("BAD_FILE", `${problem}, which cannot be read`, { found, hint }, error);
    }
    const file = { bytes, budget: CLAIMS_PER_BYTE * bytes.length + SPARE_CLAIMS };
    this.files.set(location, file);
    return file;
  }
}
