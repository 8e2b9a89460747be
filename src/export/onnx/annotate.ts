import protobuf from "protobufjs/minimal.js";
import { DyadicError } from "../../error.ts";

/** What is said of one node, or of the model: keys in the order they are shown. */
export type Annotation = Readonly<Record<string, string>>;

const DELIMITED = 2;
const [MODEL_GRAPH, MODEL_METADATA] = [7, 14];
const GRAPH_NODE = 1;
const [NODE_OUTPUT, NODE_NAME, NODE_DOC, NODE_METADATA] = [2, 3, 6, 9];
const [ENTRY_KEY, ENTRY_VALUE] = [1, 2];
/** In front of a note, so that a later one takes its place and a person's own stays. */
const NOTE = "dyadic: ";

/** One field of a message as it lies in the file. */
interface Field {
  readonly number: number;
  /** With tag and length. */
  readonly whole: Uint8Array;
  /** Without; of length-delimited fields alone. */
  readonly payload: Uint8Array;
}

/** The fields of a message. Throws BAD_FILE. */
function fieldsOf(message: Uint8Array): Field[] {
  const reader = protobuf.Reader.create(message);
  const fields: Field[] = [];
  try {
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const tag = reader.uint32();
      const wire = tag & 7;
      const payload = wire === DELIMITED ? reader.bytes() : new Uint8Array(0);
      if (wire !== DELIMITED) reader.skipType(wire);
      fields.push({ number: tag >>> 3, whole: message.subarray(start, reader.pos), payload });
    }
  } catch (error) {
    const hint = "check the file with onnx.checker, or export it again";
    throw new DyadicError("BAD_FILE", "the file is not an ONNX model, or it is damaged", { hint }, error);
  }
  return fields;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function field(number: number, payload: Uint8Array): Uint8Array {
  const writer = new protobuf.Writer();
  writer.uint32((number << 3) | DELIMITED).uint32(payload.length);
  return joined([writer.finish(), payload]);
}

const text = (number: number, value: string) => field(number, new TextEncoder().encode(value));

function textOf(fields: readonly Field[], number: number): string {
  const found = fields.findLast((candidate) => candidate.number === number);
  return new TextDecoder().decode(found?.payload);
}

/** A message with entries of metadata; those of the same keys go. */
function withMetadata(fields: readonly Field[], number: number, entries: Annotation): Uint8Array[] {
  const kept = fields.filter(
    (own) => own.number !== number || !Object.hasOwn(entries, textOf(fieldsOf(own.payload), ENTRY_KEY)),
  );
  const added = Object.entries(entries).map(([key, value]) =>
    field(number, joined([text(ENTRY_KEY, key), text(ENTRY_VALUE, value)])),
  );
  return [...kept.map(({ whole }) => whole), ...added];
}

/** The name that the importer gives a node: its own, or that of its first output. */
function nameOf(fields: readonly Field[]): string {
  const outputs = fields.filter(({ number }) => number === NODE_OUTPUT);
  const names = [
    textOf(fields, NODE_NAME),
    ...outputs.map(({ payload }) => new TextDecoder().decode(payload)),
  ];
  return names.find((name) => name !== "") ?? "";
}

/** A node with its annotation as metadata, and as a note where nobody else has left one: not every viewer has both. */
function annotatedNode(own: Field, nodes: ReadonlyMap<string, Annotation>): Uint8Array {
  const fields = fieldsOf(own.payload);
  const annotation = nodes.get(nameOf(fields));
  if (annotation === undefined) return own.whole;
  const doc = textOf(fields, NODE_DOC);
  const isFree = doc === "" || doc.startsWith(NOTE);
  const lines = Object.entries(annotation).map(([key, value]) => `${key.replace(/^dyadic\./, "")} ${value}`);
  const kept = isFree ? fields.filter(({ number }) => number !== NODE_DOC) : fields;
  const note = isFree ? [text(NODE_DOC, `${NOTE}${lines.join(", ")}`)] : [];
  return field(GRAPH_NODE, joined([...withMetadata(kept, NODE_METADATA, annotation), ...note]));
}

/**
 * The same ONNX file with annotations: metadata of the model, and of the nodes by name. Everything else keeps its
 * bytes, also what Dyadic does not know. Throws BAD_FILE for a damaged file.
 */
export function annotateOnnx(
  bytes: Uint8Array,
  model: Annotation,
  nodes: ReadonlyMap<string, Annotation>,
): Uint8Array {
  const fields = fieldsOf(bytes).map((own): Field => {
    if (own.number !== MODEL_GRAPH) return own;
    const parts = fieldsOf(own.payload).map((part) =>
      part.number === GRAPH_NODE ? annotatedNode(part, nodes) : part.whole,
    );
    const payload = joined(parts);
    return { number: MODEL_GRAPH, payload, whole: field(MODEL_GRAPH, payload) };
  });
  return joined(withMetadata(fields, MODEL_METADATA, model));
}
