// Hand-written writer of onnx.proto (field numbers as on src/import/onnx/onnx.proto): no reflection, so no eval.
import protobuf from "protobufjs/minimal.js";

type Writer = protobuf.Writer;

/** Element types of TensorProto. */
export const ONNX_TYPES = { float32: 1, uint8: 2, int8: 3, int16: 5, int32: 6, int64: 7 } as const;
export type OnnxType = keyof typeof ONNX_TYPES;

export interface OnnxTensor {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
}

/** An attribute's kind follows from its value: one integer, a list of them, a text, or one float. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };
export type OnnxAttributes = Readonly<Record<string, OnnxAttribute>>;

export interface OnnxNode {
  readonly name: string;
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OnnxAttributes;
}

export interface OnnxModel {
  readonly name: string;
  readonly producer: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

const IR_VERSION = 10;
const OPSET = 21;
const ATTRIBUTE_TYPES = { float: 1, int: 2, string: 3, ints: 7 } as const;

const [VARINT, BYTES, FIXED32] = [0, 2, 5];

function integer(writer: Writer, field: number, value: number): void {
  writer.uint32((field << 3) | VARINT).int64(value);
}

function text(writer: Writer, field: number, value: string): void {
  writer.uint32((field << 3) | BYTES).string(value);
}

function message(writer: Writer, field: number, fill: () => void): void {
  writer.uint32((field << 3) | BYTES).fork();
  fill();
  writer.ldelim();
}

function writeAttribute(writer: Writer, name: string, value: OnnxAttribute): void {
  text(writer, 1, name);
  if (typeof value === "number") {
    integer(writer, 3, value);
    integer(writer, 20, ATTRIBUTE_TYPES.int);
  } else if (typeof value === "string") {
    text(writer, 4, value);
    integer(writer, 20, ATTRIBUTE_TYPES.string);
  } else if ("float" in value) {
    writer.uint32((2 << 3) | FIXED32).float(value.float);
    integer(writer, 20, ATTRIBUTE_TYPES.float);
  } else {
    for (const entry of value) integer(writer, 8, entry);
    integer(writer, 20, ATTRIBUTE_TYPES.ints);
  }
}

function writeNode(writer: Writer, node: OnnxNode): void {
  for (const input of node.inputs) text(writer, 1, input);
  for (const output of node.outputs) text(writer, 2, output);
  text(writer, 3, node.name);
  text(writer, 4, node.type);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, () => writeAttribute(writer, name, value));
  }
}

function writeTensor(writer: Writer, { name, type, dims, data }: OnnxTensor): void {
  for (const size of dims) integer(writer, 1, size);
  integer(writer, 2, ONNX_TYPES[type]);
  text(writer, 8, name);
  writer
    .uint32((9 << 3) | BYTES)
    .bytes(new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
}

function writeValue(writer: Writer, { name, type, dims }: OnnxValue): void {
  text(writer, 1, name);
  message(writer, 2, () =>
    message(writer, 1, () => {
      integer(writer, 1, ONNX_TYPES[type]);
      message(writer, 2, () => {
        for (const size of dims) message(writer, 1, () => integer(writer, 1, size));
      });
    }),
  );
}

/** Bytes of an .onnx file. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const writer = new protobuf.Writer();
  integer(writer, 1, IR_VERSION);
  text(writer, 2, model.producer);
  message(writer, 7, () => {
    for (const node of model.nodes) message(writer, 1, () => writeNode(writer, node));
    text(writer, 2, model.name);
    for (const tensor of model.initializers) message(writer, 5, () => writeTensor(writer, tensor));
    for (const value of model.inputs) message(writer, 11, () => writeValue(writer, value));
    for (const value of model.outputs) message(writer, 12, () => writeValue(writer, value));
  });
  message(writer, 8, () => {
    text(writer, 1, "");
    integer(writer, 2, OPSET);
  });
  return Uint8Array.from(writer.finish());
}
