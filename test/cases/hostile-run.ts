// Damaged .dyad files through every build: the same refusal, or the same outputs and no byte written elsewhere.
import assert from "node:assert/strict";
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
  ROLE_INPUT,
  ROLE_OUTPUT,
  SECTION_ALIGNMENT,
} from "../../assembly/abi.ts";
import { DyadicError } from "../../src/error.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { writeModel } from "../../src/model/writer.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { loadModel } from "../../src/runtime/engine.ts";
import { planBanded } from "./bands.ts";
import { GraphBuilder } from "./builder.ts";
import { type Build, openEngine, type TestExports } from "./engine.ts";
import { randomGraph } from "./graphs.ts";
import { dissect } from "./hostile.ts";
import { Random } from "./random.ts";

const LIMITS = { memoryLimit: 2 ** 22, maxMacs: 2e7 };
export const NAME = "hostile.dyad";
/** Bytes behind file, arena and slack that nothing may write. */
const CANARY = 256;
/** Builds that must agree; each finds other garbage in its arena. */
const VARIANTS: readonly { build: Build; dotClass: number; garbage: number }[] = [
  { build: "test-scalar", dotClass: 0, garbage: 0x00 },
  { build: "test-simd", dotClass: 0, garbage: 0x5a },
  { build: "test-emulated", dotClass: DOT_UNSIGNED, garbage: 0xff },
  { build: "test-emulated", dotClass: DOT_PAIR_SATURATING, garbage: 0x80 },
  { build: "test-emulated", dotClass: DOT_SIGNED, garbage: 0x7f },
];

export async function openVariants(): Promise<TestExports[]> {
  const open = VARIANTS.map(async ({ build, dotClass }) => {
    const engine = await openEngine(build);
    engine.emulate(dotClass);
    engine.assume_class(dotClass);
    return engine;
  });
  return Promise.all(open);
}

export function written(source: Graph): Uint8Array {
  const graph = lower(source);
  return writeModel(graph, plan(graph));
}

/** Small models over all ops: short files, so that a random byte often matters; of every other, some steps run by bands. */
export function smallModels(count: number): Uint8Array[] {
  const models = [everyOp()];
  for (let seed = 1; models.length < count; seed++) {
    const source = randomGraph(seed, seed % 2 === 0 ? [8] : [16, 8, 4, 2, 1], { states: true });
    const { graph, layout } = planBanded(lower(source), new Random(seed));
    if (models.length % 2 === 1 && layout.groups.length === 0) continue;
    const model = models.length % 2 === 1 ? writeModel(graph, layout) : written(source);
    if (model.length < 12_000 && arenaOf(model) < 20_000) models.push(model);
  }
  return models;
}

function arenaOf(model: Uint8Array): number {
  return new DataView(model.buffer, model.byteOffset).getInt32(PREFIX_ARENA_BYTES, true);
}

/** Convolution, depthwise, both pools, pad, add, requantize, dense and softmax in one chain. */
export function everyOp(): Uint8Array {
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
export function tryLoad(engine: TestExports, file: Uint8Array, verify: boolean): DyadicError | number {
  try {
    return loadModel(engine, file, NAME, { ...LIMITS, verify }, CANARY);
  } catch (error) {
    if (!(error instanceof DyadicError)) throw error;
    assert.notEqual(error.code, "INTERNAL");
    assert(error.message.includes(NAME), "the message names the file");
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
    assert.equal(at > 0, isInput(i));
    for (let k = 0; isInput(i) && k < bytes(i); k++) memory[at + k] = k * 37 + i;
  }
  assert.equal(engine.run(), 0);
  assert(loaded.equals(memory.subarray(start, start + loaded.length)), "the file's bytes");
  const behind = memory.subarray(arenaEnd, room + CANARY);
  assert(
    behind.every((byte) => byte === garbage),
    "bytes behind the arena",
  );
  const outputs = Array.from({ length: count }, (_, i) => i).filter((i) => role(i) === ROLE_OUTPUT);
  return outputs
    .map((i) => {
      const at = engine.output_ptr(i) >>> 0;
      return Buffer.from(memory.subarray(at, at + bytes(i))).toString("hex");
    })
    .join(" ");
}

export interface Tally {
  stale: number;
  refused: number;
  ran: number;
  slowest: number;
  codes: Record<string, number>;
}

/** One damaged file through every build, its digest true: the same refusal or the same outputs. */
export function judge(engines: readonly TestExports[], file: Uint8Array<ArrayBuffer>, tally: Tally): void {
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
    assert.equal(`${result}`, `${first}`, `${build}, class ${dotClass}`);
  });
}
