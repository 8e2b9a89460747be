import protobuf from "protobufjs/minimal.js";

const VARINT = 0;
const DELIMITED = 2;
const FIXED32 = 5;

/** Element types of TensorProto. */
export const Type = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  INT32: 6,
  INT64: 7,
  FLOAT16: 10,
  UINT4: 21,
  INT4: 22,
  UINT2: 25,
  INT2: 26,
} as const;

export interface OnnxTensor {
  readonly dims: readonly number[];
  readonly type?: number;
  /** Numbers; written as raw_data unless `typed`. */
  readonly data: readonly number[];
  readonly typed?: boolean;
  readonly external?: Readonly<Record<string, string>>;
}

export type OnnxAttribute =
  | { readonly f: number }
  | { readonly i: number }
  | { readonly s: string }
  | { readonly t: OnnxTensor }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxValue {
  readonly name: string;
  readonly type?: number;
  /** Sizes and names of open ones; null for an unknown rank. */
  readonly shape: readonly (number | string)[] | null;
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly (OnnxValue | string)[];
  readonly initializers?: Readonly<Record<string, OnnxTensor>>;
  readonly opset?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An attribute for every number, list, text or tensor. */
export function attributes(
  values: Readonly<Record<string, number | readonly number[] | string | OnnxTensor>>,
): Record<string, OnnxAttribute> {
  const one = (value: number | readonly number[] | string | OnnxTensor): OnnxAttribute => {
    if (typeof value === "number") return Number.isInteger(value) ? { i: value } : { f: value };
    if (typeof value === "string") return { s: value };
    return "dims" in value ? { t: value } : { ints: value };
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, one(value)]));
}

/** A float constant; without numbers, some without a pattern. */
export function float(dims: readonly number[], data?: readonly number[]): OnnxTensor {
  const count = dims.reduce((product, size) => product * size, 1);
  return {
    dims,
    data: data ?? Array.from({ length: count }, (_, i) => Math.fround(Math.sin((i + 1) * 38.97))),
  };
}

/** A list of int64. */
export const ints = (data: readonly number[]): OnnxTensor => ({
  dims: [data.length],
  type: Type.INT64,
  data,
});

type Write = (writer: protobuf.Writer) => void;

function message(writer: protobuf.Writer, field: number, write: Write): void {
  writer.uint32((field << 3) | DELIMITED).fork();
  write(writer);
  writer.ldelim();
}

function text(writer: protobuf.Writer, field: number, value: string): void {
  if (value !== "") writer.uint32((field << 3) | DELIMITED).string(value);
}

function rawBytes(type: number, data: readonly number[]): Uint8Array {
  const array = {
    [Type.FLOAT]: () => Float32Array.from(data),
    [Type.UINT8]: () => Uint8Array.from(data),
    [Type.INT8]: () => Int8Array.from(data),
    [Type.INT32]: () => Int32Array.from(data),
    [Type.INT64]: () => BigInt64Array.from(data, BigInt),
    [Type.FLOAT16]: () => Uint16Array.from(data),
    [Type.UINT4]: () => Uint8Array.from(data),
    [Type.INT4]: () => Uint8Array.from(data),
    [Type.UINT2]: () => Uint8Array.from(data),
    [Type.INT2]: () => Uint8Array.from(data),
  }[type]!();
  return new Uint8Array(array.buffer);
}

function writeTensor(name: string, { dims, type = Type.FLOAT, data, typed, external }: OnnxTensor): Write {
  return (writer) => {
    message(writer, 1, (packed) => {
      for (const size of dims) packed.int64(size);
    });
    writer.uint32((2 << 3) | VARINT).int32(type);
    if (typed && type === Type.FLOAT) {
      for (const value of data) writer.uint32((4 << 3) | FIXED32).float(value);
    } else if (typed) {
      message(writer, type === Type.INT64 ? 7 : 5, (packed) => {
        for (const value of data) type === Type.INT64 ? packed.int64(value) : packed.int32(value);
      });
    }
    text(writer, 8, name);
    if (!typed && !external) writer.uint32((9 << 3) | DELIMITED).bytes(rawBytes(type, data));
    for (const [key, value] of Object.entries(external ?? {})) message(writer, 13, entry(key, value));
    if (external) writer.uint32((14 << 3) | VARINT).int32(1);
  };
}

function entry(key: string, value: string): Write {
  return (writer) => {
    text(writer, 1, key);
    text(writer, 2, value);
  };
}

/** AttributeProto.AttributeType, by the field that holds the value. */
const ATTRIBUTE_TYPES = { f: 1, i: 2, s: 3, t: 4, floats: 6, ints: 7 } as const;

function writeAttribute(name: string, attribute: OnnxAttribute): Write {
  return (writer) => {
    text(writer, 1, name);
    if ("f" in attribute) writer.uint32((2 << 3) | FIXED32).float(attribute.f);
    if ("i" in attribute) writer.uint32((3 << 3) | VARINT).int64(attribute.i);
    if ("s" in attribute) text(writer, 4, attribute.s);
    if ("t" in attribute) message(writer, 5, writeTensor("", attribute.t));
    if ("floats" in attribute) {
      for (const value of attribute.floats) writer.uint32((7 << 3) | FIXED32).float(value);
    }
    if ("ints" in attribute)
      for (const value of attribute.ints) writer.uint32((8 << 3) | VARINT).int64(value);
    const kind = Object.keys(attribute)[0] as keyof typeof ATTRIBUTE_TYPES;
    writer.uint32((20 << 3) | VARINT).int32(ATTRIBUTE_TYPES[kind]);
  };
}

function writeNode(node: OnnxNode): Write {
  return (writer) => {
    for (const input of node.inputs) writer.uint32((1 << 3) | DELIMITED).string(input);
    for (const output of node.outputs) writer.uint32((2 << 3) | DELIMITED).string(output);
    text(writer, 3, node.name ?? "");
    text(writer, 4, node.op);
    for (const [name, attribute] of Object.entries(node.attributes ?? {})) {
      message(writer, 5, writeAttribute(name, attribute));
    }
    text(writer, 7, node.domain ?? "");
  };
}

function writeValue({ name, type = Type.FLOAT, shape }: OnnxValue): Write {
  return (writer) => {
    text(writer, 1, name);
    message(writer, 2, (outer) =>
      message(outer, 1, (tensor) => {
        tensor.uint32((1 << 3) | VARINT).int32(type);
        if (shape === null) return;
        message(tensor, 2, (dims) => {
          for (const size of shape) {
            message(dims, 1, (dim) => {
              if (typeof size === "string") text(dim, 2, size);
              else dim.uint32((1 << 3) | VARINT).int64(size);
            });
          }
        });
      }),
    );
  };
}

/** Bytes of an ONNX file. */
export function buildOnnx(model: OnnxModel): Uint8Array {
  const writer = new protobuf.Writer();
  writer.uint32((1 << 3) | VARINT).int64(8);
  text(writer, 2, "test");
  message(writer, 7, (graph) => {
    for (const node of model.nodes) message(graph, 1, writeNode(node));
    text(graph, 2, "graph");
    for (const [name, tensor] of Object.entries(model.initializers ?? {})) {
      message(graph, 5, writeTensor(name, tensor));
    }
    for (const input of model.inputs) message(graph, 11, writeValue(input));
    for (const output of model.outputs) {
      message(graph, 12, writeValue(typeof output === "string" ? { name: output, shape: null } : output));
    }
  });
  message(writer, 8, (opset) => {
    text(opset, 1, "");
    opset.uint32((2 << 3) | VARINT).int64(model.opset ?? 13);
  });
  for (const [key, value] of Object.entries(model.metadata ?? {})) message(writer, 14, entry(key, value));
  return Uint8Array.from(writer.finish());
}
