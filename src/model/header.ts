// Hand-written codec of model.proto: reflection would need eval, which pages with a strict policy forbid.
import protobuf from "protobufjs/minimal.js";
import { KIND_HEADER } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { ModelFile } from "./reader.ts";

/** The header of a model file; model.proto is its schema. */
export interface Header {
  readonly model: string;
  readonly producer: string;
  readonly sourceFile: string;
  /** 32 bytes, or none. */
  readonly sourceSha256: Uint8Array;
  readonly layers: readonly { readonly name: string; readonly op: string }[];
  readonly values: readonly { readonly name: string; readonly scale: number }[];
  /** JSON, or empty. */
  readonly policy: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const tag = (field: number, wire: number) => (field << 3) | wire;

/** Under which the metadata keep what the importer had to say, a line each. */
export const NOTES = "import.notes";

/** Protobuf bytes of a header: fields in order, metadata sorted by key, defaults left out. */
export function encodeHeader(header: Header): Uint8Array {
  const writer = new protobuf.Writer();
  const text = (field: number, value: string) => {
    if (value !== "") writer.uint32(tag(field, DELIMITED)).string(value);
  };
  text(1, header.model);
  text(2, header.producer);
  text(3, header.sourceFile);
  if (header.sourceSha256.length > 0) writer.uint32(tag(4, DELIMITED)).bytes(header.sourceSha256);
  header.layers.forEach(({ name, op }, i) => {
    const shared = sharedStart(header.layers[i - 1]?.name ?? "", name);
    writer.uint32(tag(5, DELIMITED)).fork();
    text(1, name.slice(shared));
    text(2, op);
    if (shared > 0) writer.uint32(tag(3, VARINT)).uint32(shared);
    writer.ldelim();
  });
  header.values.forEach(({ name, scale }, i) => {
    const shared = sharedStart(header.values[i - 1]?.name ?? "", name);
    writer.uint32(tag(6, DELIMITED)).fork();
    text(1, name.slice(shared));
    if (scale !== 0) writer.uint32(tag(2, FIXED64)).double(scale);
    if (shared > 0) writer.uint32(tag(3, VARINT)).uint32(shared);
    writer.ldelim();
  });
  text(7, header.policy);
  for (const key of Object.keys(header.metadata).sort()) {
    writer.uint32(tag(8, DELIMITED)).fork();
    writer.uint32(tag(1, DELIMITED)).string(key);
    writer.uint32(tag(2, DELIMITED)).string(header.metadata[key]!);
    writer.ldelim();
  }
  return Uint8Array.from(writer.finish());
}

/** A name shares at most so many characters: a small file cannot ask for much memory. */
const MOST_SHARED = 255;

/** How many characters two names begin with alike; no pair of surrogates is cut. */
function sharedStart(before: string, name: string): number {
  let length = 0;
  const most = Math.min(name.length, MOST_SHARED);
  while (length < most && before.charCodeAt(length) === name.charCodeAt(length)) length++;
  const isCut = length > 0 && (name.charCodeAt(length - 1) & 0xfc00) === 0xd800;
  return isCut ? length - 1 : length;
}

/** The whole name. Throws RangeError where the name before is shorter than what is shared, or too much is. */
function wholeName(before: string, shared: number, rest: string): string {
  if (shared > Math.min(before.length, MOST_SHARED))
    throw new RangeError("a name shares more than the name before it has");
  return before.slice(0, shared) + rest;
}

/** Reads what `encodeHeader` or a newer writer wrote; unknown fields are skipped. Throws CORRUPT. */
export function decodeHeader(bytes: Uint8Array): Header {
  try {
    return readHeader(new protobuf.Reader(bytes));
  } catch (error) {
    throw new DyadicError("CORRUPT", "the header section is not a valid protobuf message", {}, error);
  }
}

/** The header of a model file; undefined where it was stripped. */
export function headerOf({ sections }: ModelFile): Header | undefined {
  const section = sections.find(({ kind }) => kind === KIND_HEADER);
  return section && decodeHeader(section.bytes);
}

/** The same where names and scales of layers are needed. Throws BAD_ARGUMENT for a stripped file. */
export function requireHeader(model: ModelFile, file: string): Header {
  const header = headerOf(model);
  if (header !== undefined) return header;
  throw new DyadicError("BAD_ARGUMENT", "the model was stripped: its layers have no names and no scales", {
    file,
    hint: "compile it without --strip",
  });
}

/** What one field does with its value; the key is the field's tag, number and wire type together. */
type Fields = Readonly<Record<number, () => void>>;

/** Reads a message of `bytes` bytes; fields that are unknown or have another wire type are skipped. */
function readMessage(reader: protobuf.Reader, bytes: number, fields: Fields): void {
  const end = reader.pos + bytes;
  while (reader.pos < end) {
    const read = reader.uint32();
    if (fields[read] !== undefined) fields[read]();
    else reader.skipType(read & 7);
  }
  if (reader.pos !== end) throw new RangeError("a field runs over the end of its message");
}

function readHeader(reader: protobuf.Reader): Header {
  const text = { model: "", producer: "", sourceFile: "", policy: "" };
  let sourceSha256 = new Uint8Array(0);
  const layers: Header["layers"][number][] = [];
  const values: Header["values"][number][] = [];
  const metadata = new Map<string, string>();
  const string = (field: number, name: keyof typeof text) => ({
    [tag(field, DELIMITED)]: () => {
      text[name] = reader.string();
    },
  });
  readMessage(reader, reader.len, {
    ...string(1, "model"),
    ...string(2, "producer"),
    ...string(3, "sourceFile"),
    [tag(4, DELIMITED)]: () => {
      sourceSha256 = Uint8Array.from(reader.bytes());
    },
    [tag(5, DELIMITED)]: () => {
      layers.push(readLayer(reader, layers.at(-1)?.name ?? ""));
    },
    [tag(6, DELIMITED)]: () => {
      values.push(readValue(reader, values.at(-1)?.name ?? ""));
    },
    ...string(7, "policy"),
    [tag(8, DELIMITED)]: () => {
      metadata.set(...readTexts(reader));
    },
  });
  return { ...text, sourceSha256, layers, values, metadata: Object.fromEntries(metadata) };
}

/** An entry of the metadata: a message of two strings, fields 1 and 2. */
function readTexts(reader: protobuf.Reader): [first: string, second: string] {
  const texts: [string, string] = ["", ""];
  readMessage(reader, reader.uint32(), {
    [tag(1, DELIMITED)]: () => {
      texts[0] = reader.string();
    },
    [tag(2, DELIMITED)]: () => {
      texts[1] = reader.string();
    },
  });
  return texts;
}

function readLayer(reader: protobuf.Reader, before: string): Header["layers"][number] {
  const layer = { name: "", op: "", shared: 0 };
  readMessage(reader, reader.uint32(), {
    [tag(1, DELIMITED)]: () => {
      layer.name = reader.string();
    },
    [tag(2, DELIMITED)]: () => {
      layer.op = reader.string();
    },
    [tag(3, VARINT)]: () => {
      layer.shared = reader.uint32();
    },
  });
  return { name: wholeName(before, layer.shared, layer.name), op: layer.op };
}

function readValue(reader: protobuf.Reader, before: string): Header["values"][number] {
  const value = { name: "", scale: 0, shared: 0 };
  readMessage(reader, reader.uint32(), {
    [tag(1, DELIMITED)]: () => {
      value.name = reader.string();
    },
    [tag(2, FIXED64)]: () => {
      value.scale = reader.double();
    },
    [tag(3, VARINT)]: () => {
      value.shared = reader.uint32();
    },
  });
  return { name: wholeName(before, value.shared, value.name), scale: value.scale };
}
