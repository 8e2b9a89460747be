// The part of onnx.proto that a model needs, written field by field (numbers as in onnx/onnx.proto, IR version 7).
import protobuf from "protobufjs/minimal.js";

type Writer = protobuf.Writer;

export const ONNX_TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
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

/** An attribute's kind follows from its value: array of integers, or one integer. */
export type OnnxAttributes = Readonly<Record<string, number | readonly number[]>>;

export interface OnnxNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OnnxAttributes;
}

export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

const IR_VERSION = 7;
const OPSET = 13;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

const [VARINT, BYTES] = [0, 2];

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

function writeAttribute(writer: Writer, name: string, value: number | readonly number[]): void {
  text(writer, 1, name);
  if (typeof value === "number") {
    integer(writer, 3, value);
    integer(writer, 20, ATTRIBUTE_INT);
    return;
  }
  for (const entry of value) integer(writer, 8, entry);
  integer(writer, 20, ATTRIBUTE_INTS);
}

function writeNode(writer: Writer, node: OnnxNode): void {
  for (const input of node.inputs) text(writer, 1, input);
  for (const output of node.outputs) text(writer, 2, output);
  text(writer, 3, node.outputs[0]!);
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

/** Bytes of an .onnx file, opset 13. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const writer = protobuf.Writer.create();
  integer(writer, 1, IR_VERSION);
  text(writer, 2, "dyadic-bench");
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
  return writer.finish();
}
