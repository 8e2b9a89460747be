// Hand-written reader of onnx.proto: reflection would need eval, which pages with a strict policy forbid.
import protobuf from "protobufjs/minimal.js";
import { DyadicError } from "../../error.ts";
import type {
  AttributeProto,
  DimensionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  TensorProto,
  ValueInfoProto,
} from "./messages.ts";

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;
const tag = (field: number, wire: number) => (field << 3) | wire;

/** What one field does with its value; the key is the field's tag, number and wire type together. */
type Fields = Readonly<Record<number, () => void>>;
type Writable<T> = { -readonly [key in keyof T]: T[key] };

/**
 * Reads the messages of an ONNX file; byte fields are views into `bytes`, and so are the numbers of tensors until
 * somebody asks for them. Throws BAD_FILE.
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  try {
    return readModel(protobuf.Reader.create(bytes));
  } catch (error) {
    if (error instanceof DyadicError) throw error;
    throw new DyadicError(
      "BAD_FILE",
      "the file is not an ONNX model, or it is damaged",
      {
        found: error instanceof Error ? error.message : `${error}`,
        hint: "check the file with onnx.checker, or export it again",
      },
      error,
    );
  }
}

/** Whether the bytes are one whole protobuf message with a ModelProto's graph field and a plausible ir_version. */
export function hasGraph(bytes: Uint8Array): boolean {
  const reader = protobuf.Reader.create(bytes);
  const seen = { version: false, graph: false };
  try {
    readMessage(reader, reader.len, {
      [tag(1, VARINT)]: () => {
        seen.version = wide(reader.int64()) > 0;
      },
      [tag(7, DELIMITED)]: () => {
        seen.graph = true;
        reader.skip(reader.uint32());
      },
    });
  } catch {
    return false;
  }
  return seen.version && seen.graph;
}

/** Reads a message of `length` bytes; unknown fields are skipped, groups (which ONNX has not) refused. */
function readMessage(reader: protobuf.Reader, length: number, fields: Fields): void {
  const end = reader.pos + length;
  if (end > reader.len) throw new RangeError("a message runs over the end of the file");
  while (reader.pos < end) {
    const read = reader.uint32();
    const wire = read & 7;
    const take = fields[read];
    if (take !== undefined) take();
    else if (wire === VARINT || wire === FIXED64 || wire === DELIMITED || wire === FIXED32) {
      reader.skipType(wire);
    } else throw new RangeError(`a field of wire type ${wire}`);
  }
  if (reader.pos !== end) throw new RangeError("a field runs over the end of its message");
}

/** A 64-bit integer as float64; protobufjs hands over a pair of words, or a number where it has no Long. */
function wide(value: number | { low: number; high: number; unsigned: boolean }): number {
  if (typeof value === "number") return value;
  const high = value.unsigned ? value.high >>> 0 : value.high;
  return high * 2 ** 32 + (value.low >>> 0);
}

/** A repeated number, packed or one by one. */
function numbers(reader: protobuf.Reader, field: number, wire: number, into: number[], read: () => number) {
  return {
    [tag(field, wire)]: () => {
      into.push(read());
    },
    [tag(field, DELIMITED)]: () => {
      const end = reader.uint32() + reader.pos;
      if (end > reader.len) throw new RangeError("a packed field runs over the end of the file");
      while (reader.pos < end) into.push(read());
      if (reader.pos !== end) throw new RangeError("a number runs over the end of its field");
    },
  };
}

function string<K extends string>(
  reader: protobuf.Reader,
  field: number,
  to: Record<K, string>,
  key: K,
): Fields {
  return {
    [tag(field, DELIMITED)]: () => {
      to[key] = reader.string();
    },
  };
}

function readModel(reader: protobuf.Reader): ModelProto {
  const model: Writable<ModelProto> = {
    irVersion: 0,
    producerName: "",
    producerVersion: "",
    graph: null,
    opsets: new Map(),
    metadata: new Map(),
    functions: 0,
  };
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  readMessage(reader, reader.len, {
    [tag(1, VARINT)]: () => {
      model.irVersion = wide(reader.int64());
    },
    ...string(reader, 2, model, "producerName"),
    ...string(reader, 3, model, "producerVersion"),
    [tag(7, DELIMITED)]: () => {
      model.graph = readGraph(reader);
    },
    [tag(8, DELIMITED)]: () => {
      const opset = { domain: "", version: 0 };
      readMessage(reader, reader.uint32(), {
        ...string(reader, 1, opset, "domain"),
        [tag(2, VARINT)]: () => {
          opset.version = wide(reader.int64());
        },
      });
      opsets.set(opset.domain, opset.version);
    },
    [tag(14, DELIMITED)]: () => {
      metadata.set(...readEntry(reader));
    },
    [tag(25, DELIMITED)]: () => {
      model.functions++;
      reader.skip(reader.uint32());
    },
  });
  return { ...model, opsets, metadata };
}

/** A message of two strings, fields 1 and 2. */
function readEntry(reader: protobuf.Reader): [key: string, value: string] {
  const entry = { key: "", value: "" };
  readMessage(reader, reader.uint32(), {
    ...string(reader, 1, entry, "key"),
    ...string(reader, 2, entry, "value"),
  });
  return [entry.key, entry.value];
}

function readGraph(reader: protobuf.Reader): GraphProto {
  const graph = { name: "" };
  const nodes: NodeProto[] = [];
  const initializers: TensorProto[] = [];
  const inputs: ValueInfoProto[] = [];
  const outputs: ValueInfoProto[] = [];
  let sparse = 0;
  const list = <T>(field: number, into: T[], read: (reader: protobuf.Reader) => T) => ({
    [tag(field, DELIMITED)]: () => {
      into.push(read(reader));
    },
  });
  readMessage(reader, reader.uint32(), {
    ...list(1, nodes, readNode),
    ...string(reader, 2, graph, "name"),
    ...list(5, initializers, readTensor),
    ...list(11, inputs, readValueInfo),
    ...list(12, outputs, readValueInfo),
    [tag(15, DELIMITED)]: () => {
      sparse++;
      reader.skip(reader.uint32());
    },
  });
  return { ...graph, nodes, initializers, inputs, outputs, sparse };
}

function readNode(reader: protobuf.Reader): NodeProto {
  const node = { name: "", opType: "", domain: "" };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, AttributeProto>();
  readMessage(reader, reader.uint32(), {
    [tag(1, DELIMITED)]: () => {
      inputs.push(reader.string());
    },
    [tag(2, DELIMITED)]: () => {
      outputs.push(reader.string());
    },
    ...string(reader, 3, node, "name"),
    ...string(reader, 4, node, "opType"),
    [tag(5, DELIMITED)]: () => {
      const [name, attribute] = readAttribute(reader);
      attributes.set(name, attribute);
    },
    ...string(reader, 7, node, "domain"),
  });
  return { ...node, inputs, outputs, attributes };
}

function readAttribute(reader: protobuf.Reader): [name: string, attribute: AttributeProto] {
  const name = { name: "" };
  const floats: number[] = [];
  const ints: number[] = [];
  const strings: Uint8Array[] = [];
  const one: Writable<Omit<AttributeProto, "floats" | "ints" | "strings">> = { f: 0, i: 0, s: null, t: null };
  readMessage(reader, reader.uint32(), {
    ...string(reader, 1, name, "name"),
    [tag(2, FIXED32)]: () => {
      one.f = reader.float();
    },
    [tag(3, VARINT)]: () => {
      one.i = wide(reader.int64());
    },
    [tag(4, DELIMITED)]: () => {
      one.s = reader.bytes();
    },
    [tag(5, DELIMITED)]: () => {
      one.t = readTensor(reader);
    },
    ...numbers(reader, 7, FIXED32, floats, () => reader.float()),
    ...numbers(reader, 8, VARINT, ints, () => wide(reader.int64())),
    [tag(9, DELIMITED)]: () => {
      strings.push(reader.bytes());
    },
  });
  return [name.name, { ...one, floats, ints, strings }];
}

function readTensor(reader: protobuf.Reader): TensorProto {
  const one: Writable<Pick<TensorProto, "name" | "dataType" | "dataLocation" | "rawData">> = {
    name: "",
    dataType: 0,
    dataLocation: 0,
    rawData: null,
  };
  const dims: number[] = [];
  const values: number[] = [];
  const external = new Map<string, string>();
  readMessage(reader, reader.uint32(), {
    ...numbers(reader, 1, VARINT, dims, () => wide(reader.int64())),
    [tag(2, VARINT)]: () => {
      one.dataType = reader.int32();
    },
    ...numbers(reader, 4, FIXED32, values, () => reader.float()),
    ...numbers(reader, 5, VARINT, values, () => reader.int32()),
    ...numbers(reader, 7, VARINT, values, () => wide(reader.int64())),
    ...string(reader, 8, one, "name"),
    [tag(9, DELIMITED)]: () => {
      one.rawData = reader.bytes();
    },
    ...numbers(reader, 10, FIXED64, values, () => reader.double()),
    ...numbers(reader, 11, VARINT, values, () => wide(reader.uint64())),
    [tag(13, DELIMITED)]: () => {
      external.set(...readEntry(reader));
    },
    [tag(14, VARINT)]: () => {
      one.dataLocation = reader.int32();
    },
  });
  return { ...one, dims, values, external };
}

function readValueInfo(reader: protobuf.Reader): ValueInfoProto {
  const info = { name: "" };
  let type: { elementType: number; dims: readonly DimensionProto[] | null } | null = null;
  readMessage(reader, reader.uint32(), {
    ...string(reader, 1, info, "name"),
    [tag(2, DELIMITED)]: () => {
      readMessage(reader, reader.uint32(), {
        [tag(1, DELIMITED)]: () => {
          type = readTensorType(reader);
        },
      });
    },
  });
  return { ...info, type };
}

function readTensorType(reader: protobuf.Reader) {
  const type: { elementType: number; dims: DimensionProto[] | null } = { elementType: 0, dims: null };
  readMessage(reader, reader.uint32(), {
    [tag(1, VARINT)]: () => {
      type.elementType = reader.int32();
    },
    [tag(2, DELIMITED)]: () => {
      const dims: DimensionProto[] = [];
      readMessage(reader, reader.uint32(), {
        [tag(1, DELIMITED)]: () => {
          dims.push(readDimension(reader));
        },
      });
      type.dims = dims;
    },
  });
  return type;
}

function readDimension(reader: protobuf.Reader): DimensionProto {
  let dimension: DimensionProto = "?";
  readMessage(reader, reader.uint32(), {
    [tag(1, VARINT)]: () => {
      dimension = wide(reader.int64());
    },
    [tag(2, DELIMITED)]: () => {
      dimension = reader.string() || "?";
    },
  });
  return dimension;
}
