// Ways to damage a file: its bytes, or what it was built from.
import { MUTATIONS, mutate, sign } from "../cases/hostile.ts";
import { buildOnnx, type OnnxModel } from "../cases/onnx.ts";
import type { Random } from "../cases/random.ts";
import { buildTflite, type TfliteModel } from "../cases/tflite.ts";
import type { Format, Seed } from "./seeds.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Edit = (file: Bytes, random: Random, other: Uint8Array) => Bytes | undefined;

const WORDS = [
  -1,
  0,
  1,
  2,
  3,
  4,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  2 ** 28,
  2 ** 31 - 1,
  -(2 ** 31),
  0x7fc00000,
];
const BYTES = [0, 1, 2, 8, 0x10, 0x12, 0x1a, 0x7f, 0x80, 0xff];

function splice(file: Uint8Array, at: number, removed: number, added: Uint8Array): Bytes {
  const result = new Uint8Array(file.length - removed + added.length);
  result.set(file.subarray(0, at));
  result.set(added, at);
  result.set(file.subarray(at + removed), at + added.length);
  return result;
}

const EDITS: readonly Edit[] = [
  (file, random) => file.slice(0, random.integer(0, file.length - 1)),
  (file, random) => {
    for (let n = random.integer(1, 6); n > 0; n--) {
      file[random.integer(0, file.length - 1)]! ^= 1 << random.integer(0, 7);
    }
    return undefined;
  },
  (file, random) => {
    for (let n = random.integer(1, 4); n > 0; n--)
      file[random.integer(0, file.length - 1)] = random.pick(BYTES);
    return undefined;
  },
  (file, random) => {
    if (file.length < 4) return undefined;
    const at = 4 * random.integer(0, Math.floor(file.length / 4) - 1);
    const view = new DataView(file.buffer);
    const near = view.getInt32(at, true) + random.pick([-4, -2, -1, 1, 2, 4, 8]);
    view.setInt32(at, random.chance(0.5) ? near : random.pick(WORDS), true);
    return undefined;
  },
  (file, random) => {
    const at = random.integer(0, file.length - 1);
    return splice(file, at, Math.min(random.integer(1, 40), file.length - at), new Uint8Array(0));
  },
  (file, random, other) => {
    const from = random.integer(0, other.length - 1);
    const part = other.subarray(from, from + random.integer(1, 60));
    const at = random.integer(0, file.length - 1);
    return splice(file, at, random.chance(0.5) ? Math.min(part.length, file.length - at) : 0, part);
  },
];

/** A damaged copy of one of the seeds; the same random numbers give the same file. */
export function mutated(format: Format, seeds: readonly Seed[], random: Random): Bytes {
  const seed = random.pick(seeds);
  if (format === "dyad" && random.chance(0.8))
    return damaged(seed.bytes, random) ?? edited(seed.bytes, random, seed.bytes, format);
  if (seed.description !== undefined && random.chance(0.5)) return rebuilt(format, seed.description, random);
  return edited(seed.bytes, random, random.pick(seeds).bytes, format);
}

/** One of the mutations that know a .dyad file's parts; undefined for a file in which they are not to be found. */
export function damaged(bytes: Uint8Array, random: Random): Bytes | undefined {
  try {
    return sign(mutate(bytes, random.pick(Object.keys(MUTATIONS)), random));
  } catch {
    return undefined;
  }
}

/** Some edits of the bytes, one after the other. */
export function edited(bytes: Uint8Array, random: Random, other: Uint8Array, format: Format): Bytes {
  let file = new Uint8Array(bytes);
  for (let n = random.pick([1, 1, 2, 4]); n > 0 && file.length > 0; n--) {
    file = random.pick(EDITS)(file, random, other) ?? file;
  }
  return format === "dyad" ? sign(file) : file;
}

/** The file of a description of which some leaves are others. */
function rebuilt(format: Format, description: object, random: Random): Bytes {
  const copy = clone(description);
  for (let n = random.pick([1, 1, 2, 3]); n > 0; n--) changeLeaf(copy, random, description);
  try {
    const built = format === "tflite" ? buildTflite(copy as TfliteModel) : buildOnnx(copy as OnnxModel);
    return new Uint8Array(built);
  } catch {
    // The writer itself refuses some descriptions; their bytes are then nothing at all.
    return new Uint8Array(0);
  }
}

function clone(value: unknown): object {
  if (Array.isArray(value)) return value.map((item) => (isTree(item) ? clone(item) : item));
  return Object.fromEntries(
    Object.entries(value as object).map(([key, item]) => [key, isTree(item) ? clone(item) : item]),
  );
}

function isTree(value: unknown): value is object {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
}

/** Walks down to a random leaf and makes it an extreme, a neighbour, or a leaf of the same kind from elsewhere. */
function changeLeaf(tree: object, random: Random, whole: object): void {
  const keys = Object.keys(tree);
  if (keys.length === 0) return;
  const key = random.pick(keys);
  const value = (tree as Record<string, unknown>)[key];
  const set = (changed: unknown) => {
    (tree as Record<string, unknown>)[key] = changed;
  };
  if (Array.isArray(value) && random.chance(0.2)) set(reordered(value, random));
  else if (isTree(value)) changeLeaf(value, random, whole);
  else if (typeof value === "number") {
    const near = value + random.pick([-2, -1, 1, 2]);
    set(random.pick([near, near, value * 2, random.pick(WORDS), 0, -value, leafOf(whole, random, "number")]));
  } else if (typeof value === "string") set(random.pick([leafOf(whole, random, "string"), "", `${value}x`]));
  else if (typeof value === "boolean") set(!value);
}

function reordered(list: readonly unknown[], random: Random): unknown[] {
  const copy = [...list];
  const at = random.integer(0, Math.max(0, list.length - 1));
  if (random.chance(0.4)) copy.splice(at, 1);
  else if (random.chance(0.5) && list.length > 0)
    copy.splice(at, 0, list[random.integer(0, list.length - 1)]);
  else copy.reverse();
  return copy;
}

/** Some leaf of a kind anywhere in a description. */
function leafOf(tree: object, random: Random, kind: "number" | "string"): unknown {
  let found: unknown = tree;
  for (let depth = 0; depth < 12 && isTree(found); depth++) {
    const values: unknown[] = Object.values(found);
    if (values.length === 0) return kind === "number" ? 0 : "";
    found = random.pick(values);
  }
  return typeof found === kind ? found : kind === "number" ? random.integer(0, 5) : "x";
}
