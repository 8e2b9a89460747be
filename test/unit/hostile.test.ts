import { beforeAll, describe, expect, test } from "vitest";
import {
  DOT_PAIR_SATURATING,
  DOT_SIGNED,
  DOT_UNSIGNED,
  IO_BYTES,
  IO_HEADER_BYTES,
  IO_RECORD_BYTES,
  IO_ROLE,
  MEMORY_SLACK,
  PREFIX_ARENA_BYTES,
  PREFIX_BYTES,
  PREFIX_DIGEST,
  PREFIX_FEATURES,
  PREFIX_MAJOR,
  PREFIX_MINOR,
  ROLE_INPUT,
  ROLE_OUTPUT,
  SECTION_ALIGNMENT,
  SECTION_KIND,
  TENSOR_HALO_BOTTOM,
  TENSOR_OFFSET,
  TENSOR_ROW_PITCH,
} from "../../assembly/abi.ts";
import { DyadicError } from "../../src/error.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { writeModel } from "../../src/model/writer.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { loadModel } from "../../src/runtime/engine.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { type Build, openEngine, type TestExports } from "../cases/engine.ts";
import { randomGraph } from "../cases/graphs.ts";
import { dissect, MUTATIONS, mutate, sign } from "../cases/hostile.ts";
import { Random } from "../cases/random.ts";

const FILES = 10_000;
const LIMITS = { memoryLimit: 2 ** 22, maxMacs: 2e7 };
const NAME = "hostile.dyad";
/** Bytes behind file, arena and slack that nothing may write. */
const CANARY = 256;
/** Instances serve this many files, so that a file also meets what another one left behind. */
const FILES_PER_INSTANCE = 50;

/** Builds that must agree; each finds other garbage in its arena. */
const VARIANTS: readonly { build: Build; dotClass: number; garbage: number }[] = [
  { build: "test-scalar", dotClass: 0, garbage: 0x00 },
  { build: "test-simd", dotClass: 0, garbage: 0x5a },
  { build: "test-emulated", dotClass: DOT_UNSIGNED, garbage: 0xff },
  { build: "test-emulated", dotClass: DOT_PAIR_SATURATING, garbage: 0x80 },
  { build: "test-emulated", dotClass: DOT_SIGNED, garbage: 0x7f },
];

async function openVariants(): Promise<TestExports[]> {
  const open = VARIANTS.map(async ({ build, dotClass }) => {
    const engine = await openEngine(build);
    engine.emulate(dotClass);
    engine.assume_class(dotClass);
    return engine;
  });
  return Promise.all(open);
}

function written(source: Graph): Uint8Array {
  const graph = lower(source);
  return writeModel(graph, plan(graph));
}

/** Small models over all ops: short files, so that a random byte often matters. */
function smallModels(count: number): Uint8Array[] {
  const models = [everyOp()];
  for (let seed = 1; models.length < count; seed++) {
    const model = written(randomGraph(seed, seed % 2 === 0 ? [8] : [16, 8, 4, 2, 1], { states: true }));
    if (model.length < 12_000 && arenaOf(model) < 20_000) models.push(model);
  }
  return models;
}

function arenaOf(model: Uint8Array): number {
  return new DataView(model.buffer, model.byteOffset).getInt32(PREFIX_ARENA_BYTES, true);
}

/** Convolution, depthwise, both pools, pad, add, requantize, dense and softmax in one chain. */
function everyOp(): Uint8Array {
  const builder = new GraphBuilder("every-op");
  const random = new Random(1);
  const affine = { scale: 0.05, zeroPoint: 3 };
  const weights = (...shape: number[]) => {
    const codes = random.codes(shape.reduce((a, b) => a * b));
    return builder.constant(codes, shape, "int8", { scale: [0.01], zeroPoint: [0], axis: null });
  };
  const window = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], activation: "none" };
  const pool = { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0], activation: "none" };
  const input = builder.input([1, 9, 9, 3], affine);
  const conv = builder.node("conv", [input, weights(9, 3, 3, 3)], window, affine);
  const depthwise = builder.node("depthwise", [conv, weights(1, 3, 3, 9)], window, affine);
  const sum = builder.node("add", [conv, depthwise], { activation: "relu" }, affine);
  const largest = builder.node("maxPool", [sum], pool, affine);
  const padded = builder.node("pad", [largest], { padding: [1, 0, 0, 1], channels: [0, 2] }, affine);
  const average = builder.node("averagePool", [padded], { ...pool, rounding: "halfAway" }, affine);
  const scaled = builder.node(
    "requantize",
    [average],
    { activation: "none" },
    { scale: 0.04, zeroPoint: -7 },
  );
  const flat = builder.node(
    "reshape",
    [scaled],
    { shape: [1, builder.size(scaled)] },
    builder.affine(scaled),
  );
  const logits = builder.node("dense", [flat, weights(5, builder.size(flat))], window, affine);
  builder.output(builder.node("softmax", [logits], { beta: 1 }, { scale: 1 / 256, zeroPoint: -128 }));
  return written(builder.build());
}

/** The error of a load, or the address behind the model; anything but a DyadicError is a failure. */
function tryLoad(engine: TestExports, file: Uint8Array, verify: boolean): DyadicError | number {
  try {
    return loadModel(engine, file, NAME, { ...LIMITS, verify }, CANARY);
  } catch (error) {
    if (!(error instanceof DyadicError)) throw error;
    expect(error.code).not.toBe("INTERNAL");
    expect(error.message).toContain(NAME);
    return error;
  }
}

/** Runs a loaded file over garbage: its outputs. Fails where the run wrote into the file or behind the arena. */
function runLoaded(
  engine: TestExports,
  file: Uint8Array<ArrayBuffer>,
  room: number,
  garbage: number,
): string {
  const memory = new Uint8Array(engine.memory.buffer);
  const start = room - (file.length + SECTION_ALIGNMENT + arenaOf(file) + MEMORY_SLACK);
  const arena = Math.ceil((start + file.length) / SECTION_ALIGNMENT) * SECTION_ALIGNMENT;
  const arenaEnd = arena + arenaOf(file);
  memory.fill(garbage, arena, room + CANARY);
  engine.reset(); // states were cleared when the file was loaded, before the garbage
  const loaded = Buffer.from(memory.subarray(start, arena));
  const { view, io } = dissect(file);
  const count = view.getUint32(io.at, true);
  const record = (i: number) => io.at + IO_HEADER_BYTES + i * IO_RECORD_BYTES;
  const role = (i: number) => view.getInt32(record(i) + IO_ROLE, true);
  const isInput = (i: number) => role(i) === ROLE_INPUT;
  const bytes = (i: number) => view.getInt32(record(i) + IO_BYTES, true);
  for (let i = 0; i < count; i++) {
    const at = engine.input_ptr(i) >>> 0;
    expect(at > 0).toBe(isInput(i));
    for (let k = 0; isInput(i) && k < bytes(i); k++) memory[at + k] = k * 37 + i;
  }
  expect(engine.run()).toBe(0);
  expect(loaded.equals(memory.subarray(start, start + loaded.length)), "the file's bytes").toBe(true);
  const behind = memory.subarray(arenaEnd, room + CANARY);
  expect(
    behind.every((byte) => byte === garbage),
    "bytes behind the arena",
  ).toBe(true);
  const outputs = Array.from({ length: count }, (_, i) => i).filter((i) => role(i) === ROLE_OUTPUT);
  return outputs
    .map((i) => {
      const at = engine.output_ptr(i) >>> 0;
      return Buffer.from(memory.subarray(at, at + bytes(i))).toString("hex");
    })
    .join(" ");
}

interface Tally {
  stale: number;
  refused: number;
  ran: number;
  slowest: number;
  codes: Record<string, number>;
}

/** One damaged file through every build, its digest true: the same refusal or the same outputs. */
function judge(engines: readonly TestExports[], file: Uint8Array<ArrayBuffer>, tally: Tally): void {
  const results = engines.map((engine, i) => {
    const loaded = tryLoad(engine, file, i === 0);
    return loaded instanceof DyadicError ? loaded : runLoaded(engine, file, loaded, VARIANTS[i]!.garbage);
  });
  const [first] = results;
  const key = first instanceof DyadicError ? first.code : "ran";
  tally.codes[key] = (tally.codes[key] ?? 0) + 1;
  if (first instanceof DyadicError) tally.refused++;
  else tally.ran++;
  results.forEach((result, i) => {
    const { build, dotClass } = VARIANTS[i]!;
    expect(`${result}`, `${build}, class ${dotClass}`).toBe(`${first}`);
  });
}

describe("hostile files", () => {
  let models: Uint8Array[];
  beforeAll(() => {
    models = smallModels(24);
  });

  test(`${FILES} damaged files: refused with a place, or the same outputs in every build`, async () => {
    const names = Object.keys(MUTATIONS);
    const tally: Tally = { stale: 0, refused: 0, ran: 0, slowest: 0, codes: {} };
    const started = performance.now();
    let engines: TestExports[] = [];
    for (let seed = 0; seed < FILES; seed++) {
      if (seed % FILES_PER_INSTANCE === 0) engines = await openVariants();
      const random = new Random(seed);
      const mutation = names[seed % names.length]!;
      const model = random.pick(models);
      const before = performance.now();
      try {
        const damaged = mutate(model, mutation, random);
        const same = Buffer.from(damaged).equals(model);
        const stale = tryLoad(engines[seed % engines.length]!, damaged, true);
        if (!same) expect(stale, "a stale digest").toBeInstanceOf(DyadicError);
        tally.stale++;
        judge(engines, sign(damaged), tally);
      } catch (error) {
        throw new Error(`seed ${seed}, ${mutation}: ${(error as Error).stack}`, { cause: error });
      }
      tally.slowest = Math.max(tally.slowest, performance.now() - before);
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${FILES} files in ${seconds} s, slowest ${tally.slowest.toFixed(0)} ms: ${JSON.stringify(tally.codes)}`,
    );
    expect(tally.refused + tally.ran).toBe(FILES);
    expect(tally.ran).toBeGreaterThan(FILES / 20);
  });
});

/** A chain of `length` equal steps on [1, size, size, 1], each the work of its op. */
function chain(length: number, size: number, op: string, attributes: unknown): Uint8Array {
  const builder = new GraphBuilder("endless");
  const affine = { scale: 1, zeroPoint: 0 };
  let x = builder.input([1, size, size, 1], affine);
  for (let i = 0; i < length; i++) x = builder.node(op, [x], attributes, affine);
  builder.output(x);
  return written(builder.build());
}

/** A max pool over everything, at every pixel. */
function wholePool(size: number) {
  const padding = [size / 2, size / 2, size / 2 - 1, size / 2 - 1];
  return { kernel: [size, size], stride: [1, 1], padding, activation: "none" };
}

/** Every tensor gets a halo of 2^29 bytes below its one pixel. */
function withHugeHalos(model: Uint8Array): Uint8Array<ArrayBuffer> {
  const { file, view, tensors } = dissect(new Uint8Array(model));
  for (const tensor of tensors) {
    view.setInt32(tensor + TENSOR_OFFSET, 0, true);
    view.setInt32(tensor + TENSOR_ROW_PITCH, 8192, true);
    view.setInt32(tensor + TENSOR_HALO_BOTTOM, 65_535, true);
  }
  view.setInt32(PREFIX_ARENA_BYTES, 2 ** 29 + 64, true);
  return sign(file);
}

const ENDLESS = [
  { name: "one pool of 10^13 elements", file: () => chain(1, 2048, "maxPool", wholePool(2048)) },
  // 128 x 2^28 x 2^28 = 2^63, 256 of them 2^64: a sum of work that leaves 64 bits, to a negative one and to 0.
  { name: "work of 2^63", file: () => chain(128, 16_384, "maxPool", wholePool(16_384)) },
  { name: "work of 2^64", file: () => chain(256, 16_384, "maxPool", wholePool(16_384)) },
  {
    name: "250 halos of half a gibibyte",
    file: () => withHugeHalos(chain(250, 1, "requantize", { activation: "none" })),
  },
];

describe.each(ENDLESS)("endless work: $name", ({ file }) => {
  test("is refused before anything runs, with the limits that sessions have", async () => {
    const engine = await openEngine("test-scalar");
    expect(refusal(engine, file())).toMatchObject({ code: "TOO_MUCH_WORK", place: { file: NAME } });
  });
});

/** The error of loading a file under the default limits. */
function refusal(engine: TestExports, file: Uint8Array): DyadicError {
  try {
    loadModel(engine, file, NAME);
  } catch (error) {
    if (error instanceof DyadicError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

type Edit = (view: DataView, file: Uint8Array<ArrayBuffer>) => unknown;

/** One field made wrong, or other bytes; the digest is true unless `stale`. */
const REFUSALS: readonly { name: string; edit: Edit; stale?: true; code: string; says: RegExp }[] = [
  { name: "nothing at all", edit: () => new Uint8Array(0), code: "CORRUPT", says: /cut short/ },
  {
    name: "a truncated file",
    edit: (_, file) => file.slice(0, -64),
    stale: true,
    code: "CORRUPT",
    says: /cut short[\s\S]*expected: \d+ bytes/,
  },
  { name: "a wrong magic", edit: (view) => view.setUint8(0, 88), code: "BAD_FILE", says: /not a \.dyad/ },
  {
    name: "a newer major version",
    edit: (view) => view.setUint16(PREFIX_MAJOR, 2, true),
    code: "UNSUPPORTED_VERSION",
    says: /format version[\s\S]*value 2[\s\S]*update dyadic/,
  },
  {
    name: "a newer minor version",
    edit: (view) => view.setUint16(PREFIX_MINOR, 9, true),
    code: "UNSUPPORTED_VERSION",
    says: /format version[\s\S]*value 9/,
  },
  {
    name: "an unknown critical section",
    edit: (view) => view.setUint32(PREFIX_BYTES + SECTION_KIND, 77, true),
    code: "UNSUPPORTED_VERSION",
    says: /critical section[\s\S]*value 77/,
  },
  {
    name: "an unknown feature",
    edit: (view) => view.setUint32(PREFIX_FEATURES, 1 << 30, true),
    code: "UNSUPPORTED_VERSION",
    says: /feature[\s\S]*value 30/,
  },
  {
    name: "a corrupt digest",
    edit: (view) => view.setUint8(PREFIX_DIGEST, view.getUint8(PREFIX_DIGEST) ^ 1),
    stale: true,
    code: "CORRUPT",
    says: /SHA-256[\s\S]*fetch or compile it again/,
  },
];

test.each(REFUSALS)(
  "$name: code $code, with the file and what to do",
  async ({ edit, stale, code, says }) => {
    const { file, view } = dissect(new Uint8Array(everyOp()));
    const other = edit(view, file);
    const edited = other instanceof Uint8Array ? new Uint8Array(other) : file;
    const error = refusal(await openEngine("test-scalar"), stale ? edited : sign(edited));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(new RegExp(`^${NAME}: `));
    expect(error.message).toMatch(says);
    expect(error.place.hint).toBeTruthy();
  },
);
