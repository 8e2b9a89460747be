import {
  CONTRACT_A8W8,
  FEATURE_A1,
  FEATURE_A2,
  FEATURE_A4,
  FEATURE_A8,
  FEATURE_A16,
  FEATURE_W8,
  FORMAT_MAJOR,
  FORMAT_MINOR,
  KIND_HEADER,
  KIND_IO,
  KIND_PLAN,
  KIND_WEIGHTS,
  MAGIC,
  OP_BANDS,
  OP_INPUT,
  OP_OUTPUT,
  PREFIX_ARENA_BYTES,
  PREFIX_BYTES,
  PREFIX_DIGEST,
  PREFIX_FEATURES,
  PREFIX_FILE_BYTES,
  PREFIX_MAGIC,
  PREFIX_MAJOR,
  PREFIX_MINOR,
  PREFIX_SECTION_COUNT,
  SECTION_ALIGNMENT,
  SECTION_BYTES,
  SECTION_CRITICAL,
  SECTION_ENTRY_BYTES,
  SECTION_FLAGS,
  SECTION_KIND,
  SECTION_OFFSET,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf, type IntegerGraph } from "../graph/integer.ts";
import { opNamed } from "../ops/index.ts";
import type { Layout } from "../plan/layout.ts";
import { modelDigest } from "./digest.ts";
import { encodeHeader, type Header } from "./header.ts";
import { encodeIo } from "./io-writer.ts";
import { encodePlan } from "./plan-writer.ts";

const MAX_FILE_BYTES = 2 ** 31 - 1;

interface Section {
  readonly kind: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
}

/**
 * The bytes of a `.dyad` file (README.md): the same graph, layout and header give the same bytes.
 * Throws UNSUPPORTED_OP where the model exceeds a limit of the format.
 *
 * @param header left out, the file has no header section
 */
export function writeModel(graph: IntegerGraph, layout: Layout, header?: Header): Uint8Array {
  const { plan, weights } = encodePlan(graph, layout);
  const sections: Section[] = [
    { kind: KIND_IO, flags: SECTION_CRITICAL, bytes: encodeIo(graph) },
    { kind: KIND_PLAN, flags: SECTION_CRITICAL, bytes: plan },
    { kind: KIND_WEIGHTS, flags: SECTION_CRITICAL, bytes: weights },
  ];
  if (header !== undefined) sections.push({ kind: KIND_HEADER, flags: 0, bytes: encodeHeader(header) });

  const offsets: number[] = [];
  let end = align(PREFIX_BYTES + sections.length * SECTION_ENTRY_BYTES);
  for (const { bytes } of sections) {
    offsets.push(end);
    end = align(end + bytes.length);
  }
  if (end > MAX_FILE_BYTES) {
    throw new DyadicError("UNSUPPORTED_OP", "the model file would be 2 GiB or larger", {
      found: `${end} bytes`,
    });
  }
  const file = new Uint8Array(end);
  const view = new DataView(file.buffer);
  writePrefix(view, graph, layout, sections.length);
  sections.forEach(({ kind, flags, bytes }, i) => {
    const entry = PREFIX_BYTES + i * SECTION_ENTRY_BYTES;
    view.setUint32(entry + SECTION_KIND, kind, true);
    view.setUint32(entry + SECTION_FLAGS, flags, true);
    view.setUint32(entry + SECTION_OFFSET, offsets[i]!, true);
    view.setUint32(entry + SECTION_BYTES, bytes.length, true);
    file.set(bytes, offsets[i]!);
  });
  file.set(modelDigest(file), PREFIX_DIGEST);
  return file;
}

function writePrefix(view: DataView, graph: IntegerGraph, layout: Layout, sectionCount: number): void {
  view.setUint32(PREFIX_MAGIC, MAGIC, true);
  view.setUint16(PREFIX_MAJOR, FORMAT_MAJOR, true);
  view.setUint16(PREFIX_MINOR, FORMAT_MINOR, true);
  view.setUint32(PREFIX_FILE_BYTES, view.byteLength, true);
  view.setBigUint64(PREFIX_FEATURES, requiredFeatures(graph, layout), true);
  view.setUint32(PREFIX_SECTION_COUNT, sectionCount, true);
  view.setUint32(PREFIX_ARENA_BYTES, layout.peakBytes, true);
}

const ACTIVATION_FEATURES = {
  16: FEATURE_A16,
  8: FEATURE_A8,
  4: FEATURE_A4,
  2: FEATURE_A2,
  1: FEATURE_A1,
} as const;

/** The bits of everything an engine must know to run this graph: opcodes, widths, dtypes. */
function requiredFeatures(graph: IntegerGraph, layout: Layout): bigint {
  const bits = new Set<number>([FEATURE_A8, OP_INPUT, OP_OUTPUT]);
  if (layout.groups.length > 0) bits.add(OP_BANDS);
  for (const tensor of graph.tensors) bits.add(ACTIVATION_FEATURES[bitsOf(tensor)]);
  for (const node of graph.nodes) {
    const op = opNamed(node.op);
    bits.add(op.opcode);
    const contract = op.contractOf?.(node.parameters) ?? op.contract;
    if (contract >= CONTRACT_A8W8) bits.add(FEATURE_W8 + contract - CONTRACT_A8W8);
  }
  return [...bits].reduce((features, bit) => features | (1n << BigInt(bit)), 0n);
}

function align(offset: number): number {
  return Math.ceil(offset / SECTION_ALIGNMENT) * SECTION_ALIGNMENT;
}
