import { DyadicError } from "../../error.ts";
import {
  canonicalShape,
  type DataType,
  elements,
  type Quantization,
  type Tensor,
  type TensorData,
} from "../../graph/graph.ts";
import type { CheckedBuffer } from "./buffer.ts";
import * as schema from "./schema.generated.ts";

const MAX_TENSORS = 1 << 16;
const MAX_RANK = 8;
const MAX_ELEMENTS = 2 ** 31 - 1;
/** uint8 codes are stored as int8, 128 lower, and so are their zero points. */
const UINT8_SHIFT = 128;

interface Element {
  readonly dtype: DataType;
  readonly bytes: number;
  readonly make: (buffer: ArrayBuffer) => TensorData;
}

const ELEMENTS = new Map<number, Element>([
  [schema.TensorType.FLOAT32, { dtype: "float32", bytes: 4, make: (b) => new Float32Array(b) }],
  [schema.TensorType.FLOAT16, { dtype: "float32", bytes: 2, make: halves }],
  [schema.TensorType.INT32, { dtype: "int32", bytes: 4, make: (b) => new Int32Array(b) }],
  [schema.TensorType.INT8, { dtype: "int8", bytes: 1, make: (b) => new Int8Array(b) }],
  [schema.TensorType.UINT8, { dtype: "int8", bytes: 1, make: signed }],
]);

function signed(buffer: ArrayBuffer): Int8Array {
  return new Int8Array(buffer).map((code) => code ^ -UINT8_SHIFT);
}

/** Numbers of 16 bits: 1 sign, 5 exponent, 10 fraction. */
function halves(buffer: ArrayBuffer): Float32Array {
  return Float32Array.from(new Uint16Array(buffer), (bits) => {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, (bits & 1023) / 1024];
    if (exponent === 31) return fraction > 0 ? NaN : sign * Infinity;
    return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
  });
}

export function typeName(type: number): string {
  const names = Object.entries(schema.TensorType);
  return names.find(([, code]) => code === type)?.[0].toLowerCase() ?? `type ${type}`;
}

/** The elements of a flatbuffer vector, at most `limit` of them. Throws BAD_FILE. */
export function vector<T>(
  what: string,
  length: number,
  limit: number,
  read: (index: number) => T | null,
): NonNullable<T>[] {
  if (length > limit) {
    throw new DyadicError("BAD_FILE", `${what}: too many entries`, {
      expected: `at most ${limit}`,
      found: `${length}`,
    });
  }
  return Array.from({ length }, (_, index) => read(index)!);
}

function ownName(name: string): string {
  return name.split(";", 1)[0]!;
}

/**
 * Tensors of one subgraph under the file's own indices, translated when somebody asks for them, and behind them
 * the ones that an adapter adds. A TFLite constant is one with bytes in its buffer.
 */
export class Tensors {
  private readonly bytes: CheckedBuffer;
  private readonly model: schema.Model;
  private readonly graph: schema.SubGraph;
  private readonly translated: (Tensor | undefined)[];
  private readonly indices = new Set<number>();
  private shared: ReadonlySet<string> | undefined;

  constructor(bytes: CheckedBuffer, model: schema.Model, graph: schema.SubGraph) {
    this.bytes = bytes;
    this.model = model;
    this.graph = graph;
    const count = graph.tensorsLength();
    if (count > MAX_TENSORS) {
      throw new DyadicError("BAD_FILE", `${count} tensors`, { expected: `at most ${MAX_TENSORS}` });
    }
    this.translated = new Array(count).fill(undefined);
  }

  /** Throws BAD_FILE when the file has no tensor of that index. */
  private table(index: number): schema.Tensor {
    const table = index >= 0 ? this.graph.tensors(index) : null;
    if (table === null || index >= this.graph.tensorsLength()) {
      throw new DyadicError("BAD_FILE", `tensor ${index} does not exist`, {
        expected: `an index below ${this.graph.tensorsLength()}`,
      });
    }
    return table;
  }

  /**
   * A fused op's tensor is named after everything that it was made of, the last first ("relu;batch_norm;conv"): the
   * first of these names where no other activation has it.
   */
  name(index: number): string {
    const whole = this.table(index).name() || `tensor_${index}`;
    this.shared ??= this.sharedNames();
    const own = ownName(whole);
    return own === "" || this.shared.has(own) || this.holdsBytes(index) ? whole : own;
  }

  private holdsBytes(index: number): boolean {
    const at = this.table(index).buffer();
    const buffer = at < this.model.buffersLength() ? this.model.buffers(at) : null;
    return buffer !== null && (buffer.dataLength() > 0 || buffer.size() > 0n);
  }

  /** First names that several activations have. */
  private sharedNames(): Set<string> {
    const [seen, shared] = [new Set<string>(), new Set<string>()];
    for (let index = 0; index < this.graph.tensorsLength(); index++) {
      const own = ownName(this.table(index).name() ?? "");
      if (!this.holdsBytes(index)) (seen.has(own) ? shared : seen).add(own);
    }
    return shared;
  }

  /** Whether the host sees uint8: the file's dtype, not visible any more in the translated tensor, or indices. */
  isUint8(index: number): boolean {
    return this.indices.has(index) || this.table(index).type() === schema.TensorType.UINT8;
  }

  /** Name and shape, whatever the dtype. */
  declared(index: number): { name: string; shape: readonly number[] } {
    const name = this.name(index);
    return { name, shape: readShape(this.table(index), name) };
  }

  /** Whether the tensor was made indices of at most 8 bits. */
  isIndex(index: number): boolean {
    return this.indices.has(index);
  }

  /** The tensor as indices of at most 8 bits, whatever integers the file declares: code = index - 128. */
  asIndices(index: number): Tensor {
    const table = this.table(index);
    const name = this.name(index);
    const quantization = { scale: [1], zeroPoint: [-UINT8_SHIFT], axis: null };
    const tensor: Tensor = { name, dtype: "int8", shape: readShape(table, name), quantization };
    this.translated[index] = tensor;
    this.indices.add(index);
    return tensor;
  }

  /**
   * The tensor in Dyadic's terms: dtype int8, int32 or float32, every dimension known, uint8 codes 128 lower.
   * Throws UNSUPPORTED_OP for dtypes, shapes, quantization schemes that Dyadic has not; BAD_FILE for damage.
   */
  get(index: number): Tensor {
    const known = this.translated[index];
    if (known !== undefined) return known;
    const tensor = this.translate(this.table(index), this.name(index));
    this.translated[index] = tensor;
    return tensor;
  }

  add(tensor: Tensor): number {
    return this.translated.push(tensor) - 1;
  }

  /** `tensor` stands for the file's tensor of this index from now on. */
  define(index: number, tensor: Tensor): void {
    this.table(index);
    this.translated[index] = tensor;
  }

  /** Codes without a scale as the numbers that they are: scale 1, zero point 0. */
  asNumbers(index: number): Tensor {
    const table = this.table(index);
    if (table.quantization() !== null && table.quantization()!.scaleLength() > 0) return this.get(index);
    const isUint8 = table.type() === schema.TensorType.UINT8;
    if (!isUint8 && table.type() !== schema.TensorType.INT8) return this.get(index);
    const name = this.name(index);
    const quantization = { scale: [1], zeroPoint: [isUint8 ? -UINT8_SHIFT : 0], axis: null };
    const shape = readShape(table, name);
    checkActivation(table, name, shape);
    const tensor: Tensor = { name, dtype: "int8", shape, quantization };
    this.translated[index] = tensor;
    return tensor;
  }

  /** Whether the file computes this tensor in float. */
  isFloat(index: number): boolean {
    return this.table(index).type() === schema.TensorType.FLOAT32;
  }

  isConstant(index: number): boolean {
    return this.translated[index]?.data !== undefined || this.raw(this.table(index), "") !== null;
  }

  /** What the file says of a variable tensor of one scale. */
  variable(index: number): { name: string; type: number; scale: number; zeroPoint: number } {
    const table = this.table(index);
    const name = this.name(index);
    const q = readQuantization(table, name, readShape(table, name));
    if (!table.isVariable() || q === null || q.axis !== null) {
      unsupported(name, "is not a quantized variable", "a state with one scale");
    }
    return { name, type: table.type(), scale: q.scale[0]!, zeroPoint: q.zeroPoint[0]! };
  }

  /** Names of a subgraph's constants that hold anything but real 0. Throws BAD_FILE where there is no such subgraph. */
  nonZeroConstants(subgraph: number): string[] {
    const graph =
      subgraph > 0 && subgraph < this.model.subgraphsLength() ? this.model.subgraphs(subgraph) : null;
    if (graph === null) throw new DyadicError("BAD_FILE", `subgraph ${subgraph} does not exist`);
    const tensors = new Tensors(this.bytes, this.model, graph);
    return Array.from({ length: graph.tensorsLength() }, (_, i) => i)
      .filter((i) => !tensors.isZero(i))
      .map((i) => tensors.name(i));
  }

  /** Whether a tensor is computed, or a constant of real 0. */
  private isZero(index: number): boolean {
    const table = this.table(index);
    if (!ELEMENTS.has(table.type()) || !this.isConstant(index)) return true;
    const { data = [], quantization } = this.get(index);
    return data.every((code) => code === (quantization?.zeroPoint[0] ?? 0));
  }

  /** Values of a small constant of integers: axes, paddings. Throws UNSUPPORTED_OP when it is computed. */
  integers(index: number, limit = 2 * MAX_RANK): readonly number[] {
    const table = this.table(index);
    const name = this.name(index);
    const raw = this.raw(table, name);
    const wide = table.type() === schema.TensorType.INT64;
    if (raw === null || !(wide || table.type() === schema.TensorType.INT32)) {
      throw new DyadicError("UNSUPPORTED_OP", `"${name}" must be a constant of integers`, {
        found: raw === null ? "a tensor computed at run time" : typeName(table.type()),
      });
    }
    const bytes = wide ? 8 : 4;
    if (raw.length % bytes !== 0 || raw.length > bytes * limit) {
      throw new DyadicError("BAD_FILE", `"${name}" has a wrong length`, { found: `${raw.length} bytes` });
    }
    const buffer = raw.slice().buffer;
    return wide ? Array.from(new BigInt64Array(buffer), Number) : Array.from(new Int32Array(buffer));
  }

  private translate(table: schema.Tensor, name: string): Tensor {
    const element = ELEMENTS.get(table.type());
    if (element === undefined) {
      throw new DyadicError("UNSUPPORTED_OP", `tensor "${name}" has a dtype that Dyadic does not import`, {
        expected: "int8, uint8, int32 or float32",
        found: typeName(table.type()),
        hint: "export the model fully quantized to int8, or as float32",
      });
    }
    if (table.isVariable()) unsupported(name, "is a variable (state between runs)");
    if (table.sparsity() !== null) unsupported(name, "is stored in a sparse format");
    const shape = readShape(table, name);
    const data = this.constant(table, name, element, shape);
    const quantization = element.dtype === "float32" ? null : readQuantization(table, name, shape);
    if (quantization === null && element.dtype === "int8") {
      unsupported(name, "holds 8-bit codes without a scale", "a scale and a zero point");
    }
    return {
      name,
      dtype: element.dtype,
      shape,
      ...(quantization === null ? {} : { quantization }),
      ...(data === null ? {} : { data }),
    };
  }

  private constant(
    table: schema.Tensor,
    name: string,
    element: Element,
    shape: readonly number[],
  ): TensorData | null {
    const raw = this.raw(table, name);
    if (raw === null) {
      checkActivation(table, name, shape);
      if (table.type() === schema.TensorType.FLOAT16) unsupported(name, "is computed in float16", "float32");
      return null;
    }
    if (raw.length !== elements(shape) * element.bytes) {
      throw new DyadicError("BAD_FILE", `constant "${name}" does not fill its shape`, {
        expected: `${elements(shape) * element.bytes} bytes for ${typeName(table.type())}[${shape.join(", ")}]`,
        found: `${raw.length} bytes`,
      });
    }
    return element.make(new Uint8Array(raw).buffer);
  }

  /** Bytes of a tensor where they are in the file; null for one that is computed. */
  private raw(table: schema.Tensor, name: string): Uint8Array | null {
    const index = table.buffer();
    const buffer = index < this.model.buffersLength() ? this.model.buffers(index) : null;
    if (buffer === null) {
      if (index === 0) return null;
      throw new DyadicError("BAD_FILE", `"${name}" is in buffer ${index}, which does not exist`);
    }
    const data = buffer.dataArray();
    if (data !== null && data.length > 0) {
      this.bytes.claim(0, data.length);
      return data;
    }
    const [offset, size] = [Number(buffer.offset()), Number(buffer.size())];
    if (offset <= 1 || size === 0) return null;
    this.bytes.claim(offset, size);
    return this.bytes.bytes().subarray(offset, offset + size);
  }
}

function unsupported(name: string, problem: string, expected?: string): never {
  throw new DyadicError("UNSUPPORTED_OP", `tensor "${name}" ${problem}`, {
    ...(expected === undefined ? {} : { expected }),
  });
}

function readShape(table: schema.Tensor, name: string): readonly number[] {
  const shape = vector(`shape of "${name}"`, table.shapeLength(), MAX_RANK, (i) => table.shape(i));
  const count = elements(shape);
  if (shape.some((size) => size < 1) || count > MAX_ELEMENTS) {
    throw new DyadicError("BAD_FILE", `tensor "${name}" has an impossible shape`, {
      expected: `every size known and at least 1, at most ${MAX_ELEMENTS} elements`,
      found: `[${shape.join(", ")}]`,
      hint: "export the model with static shapes",
    });
  }
  return shape;
}

function checkActivation(table: schema.Tensor, name: string, shape: readonly number[]): void {
  const length = table.shapeSignatureLength();
  const signature = vector(`shape signature of "${name}"`, length, MAX_RANK, (i) => table.shapeSignature(i));
  if (shape.length === 0 || signature.some((size, axis) => size < 0 && axis > 0)) {
    throw new DyadicError("UNSUPPORTED_OP", `tensor "${name}" has a shape that is known only at run time`, {
      expected: "a static shape; only the batch may be dynamic",
      found: `[${(signature.length > 0 ? signature : shape).join(", ")}]`,
      hint: "export the model with a fixed input shape",
    });
  }
  canonicalShape(shape, name);
}

function readQuantization(table: schema.Tensor, name: string, shape: readonly number[]): Quantization | null {
  const q = table.quantization();
  if (q === null || (q.scaleLength() === 0 && q.zeroPointLength() === 0)) return null;
  if (q.detailsKind() !== 0) unsupported(name, "has a custom quantization scheme");
  const axis = q.scaleLength() > 1 ? q.quantizedDimension() : null;
  const count = axis === null ? 1 : (shape[axis] ?? 0);
  const zeros = q.zeroPointLength();
  if (q.scaleLength() !== count || !(zeros === count || zeros <= 1)) {
    throw new DyadicError("BAD_FILE", `tensor "${name}" has quantization parameters that do not fit it`, {
      expected: `${count} scales and zero points for [${shape.join(", ")}]`,
      found: `${q.scaleLength()} scales and ${zeros} zero points along dimension ${q.quantizedDimension()}`,
    });
  }
  const scale = vector(`scales of "${name}"`, count, count, (i) => q.scale(i));
  const zero = vector(`zero points of "${name}"`, zeros, count, (i) => q.zeroPoint(i)).map(Number);
  const zeroPoint = scale.map((_, i) => (zeros > 1 ? zero[i]! : (zero[0] ?? 0)));
  checkRange(table, name, scale, zeroPoint);
  const shift = table.type() === schema.TensorType.UINT8 ? UINT8_SHIFT : 0;
  return { scale, zeroPoint: zeroPoint.map((z) => z - shift), axis };
}

function checkRange(
  table: schema.Tensor,
  name: string,
  scale: readonly number[],
  zeroPoint: readonly number[],
): void {
  const bits =
    table.type() === schema.TensorType.INT32 ? 32 : table.type() === schema.TensorType.INT16 ? 16 : 8;
  const min = table.type() === schema.TensorType.UINT8 ? 0 : -(2 ** (bits - 1));
  const badScale = scale.find((s) => !(s > 0 && s < Infinity));
  const badZero = zeroPoint.find((z) => !(z >= min && z < min + 2 ** bits));
  if (badScale === undefined && badZero === undefined) return;
  throw new DyadicError("BAD_FILE", `tensor "${name}" has an impossible quantization`, {
    expected: `scales above 0, zero points from ${min} to ${min + 2 ** bits - 1}`,
    found: badScale === undefined ? `zero point ${badZero}` : `scale ${badScale}`,
  });
}
