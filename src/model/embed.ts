// A model inside an engine's module: one .wasm with no imports, which loads what its own memory starts with.
import { DyadicError } from "../error.ts";

const PREAMBLE_BYTES = 8;
const MEMORY = 5;
const DATA = 11;
const DATA_COUNT = 12;
const PAGE_BITS = 16;

/** Numbers of a module in LEB128, 7 bits a byte. */
function unsigned(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >>> 7;
  return rest === 0 ? [low] : [low | 0x80, ...unsigned(rest)];
}

function signed(value: number): number[] {
  const low = value & 0x7f;
  const rest = value >> 7;
  const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return done ? [low] : [low | 0x80, ...signed(rest)];
}

/** Reads numbers one behind the other. */
class Cursor {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  number(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.at++];
      if (byte === undefined || shift > 28)
        throw new DyadicError("BAD_FILE", "the engine's module is damaged");
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value >>> 0;
    }
  }
}

/**
 * The engine's module with a model as an active data segment at `base`, the address that its `reserve(0)` gives, in
 * a memory that starts with `required` bytes behind it. A host then calls `reserve`, `required_bytes` and `load` with
 * that address, and copies nothing.
 *
 * @param required what `required_bytes` says of the model
 */
export function embedModel(
  engine: Uint8Array,
  model: Uint8Array,
  base: number,
  required: number,
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [engine.subarray(0, PREAMBLE_BYTES)];
  const cursor = new Cursor(engine, PREAMBLE_BYTES);
  let hasData = false;
  while (cursor.at < engine.length) {
    const kind = engine[cursor.at++]!;
    const size = cursor.number();
    const content = engine.subarray(cursor.at, cursor.at + size);
    cursor.at += size;
    hasData ||= kind === DATA;
    parts.push(...section(kind, changed(kind, content, model, base, required)));
  }
  if (!hasData) parts.push(...section(DATA, [Uint8Array.from([1]), ...segment(model, base)]));
  return joined(parts);
}

function section(kind: number, content: readonly Uint8Array[]): Uint8Array[] {
  const size = content.reduce((total, part) => total + part.length, 0);
  return [Uint8Array.from([kind, ...unsigned(size)]), ...content];
}

/** The content of a section, with room for the model and the model itself where these belong. */
function changed(
  kind: number,
  content: Uint8Array,
  model: Uint8Array,
  base: number,
  required: number,
): readonly Uint8Array[] {
  const cursor = new Cursor(content, 0);
  if (kind === MEMORY) {
    const [memories, flags, pages] = [cursor.number(), cursor.number(), cursor.number()];
    if (memories !== 1 || flags !== 0) {
      throw new DyadicError("BAD_FILE", "the engine's module does not have one memory without a limit");
    }
    const needed = Math.ceil((base + required) / 2 ** PAGE_BITS);
    return [Uint8Array.from([1, 0, ...unsigned(Math.max(pages, needed))])];
  }
  if (kind !== DATA && kind !== DATA_COUNT) return [content];
  const count = Uint8Array.from(unsigned(cursor.number() + 1));
  return kind === DATA_COUNT ? [count] : [count, content.subarray(cursor.at), ...segment(model, base)];
}

/** An active segment: flags 0, `i32.const base`, `end`, then the bytes. */
function segment(model: Uint8Array, base: number): Uint8Array[] {
  return [Uint8Array.from([0, 0x41, ...signed(base), 0x0b, ...unsigned(model.length)]), model];
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
