import { readFileSync } from "node:fs";
import { DOT_NONE, DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
import { bitsOf, type IntegerGraph } from "../../src/graph/integer.ts";
import type { Codes } from "../../src/numerics/pack.ts";
import type { Group } from "../../src/plan/index.ts";
import { type EngineExports, instantiate, loadModel } from "../../src/runtime/engine.ts";

export type Build =
  | "engine-scalar"
  | "engine"
  | "engine-relaxed"
  | "test-scalar"
  | "test-simd"
  | "test-emulated";

/** What the test builds export besides the engine's ABI (assembly/test.ts). */
export interface TestExports extends EngineExports {
  requantize(acc: number, b: number, c: number, z: number, min: number, max: number): number;
  requantize_sum(sum: number, c: number, z: number, min: number, max: number): number;
  requantize_mean(
    acc: number,
    b: number,
    c: number,
    away: number,
    z: number,
    min: number,
    max: number,
  ): number;
  softmax_code(e: number, sum: bigint): number;
  requantize_all(
    acc: number,
    multipliers: number,
    out: number,
    count: number,
    c: number,
    z: number,
    min: number,
    max: number,
  ): void;
  emulate(dotClass: number): void;
}

const modules = new Map<Build, WebAssembly.Module>();

/** Commands are modules too, but export no ABI. */
export type Command = "dyadic-wasi-scalar" | "dyadic-wasi" | "dyadic-wasi-relaxed";

export function engineBytes(build: Build | Command): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../assembly/build/${build}.wasm`, import.meta.url)));
}

/** A fresh instance of a build. */
export async function openEngine(build: Build): Promise<TestExports> {
  if (!modules.has(build)) modules.set(build, await WebAssembly.compile(engineBytes(build)));
  return (await instantiate(modules.get(build)!)) as TestExports;
}

/** Whether this host compiles relaxed SIMD at all (Node 20 does not). */
export const hasRelaxed = WebAssembly.validate(engineBytes("engine-relaxed"));

/** Loads a model with room behind it for the largest tensor; returns the room's address. */
export function openModel(engine: EngineExports, model: Uint8Array, graph: IntegerGraph): number {
  const largest = 2 * Math.max(...graph.tensors.map(({ shape }) => shape[0] * shape[1] * shape[2]));
  return loadModel(engine, model, graph.name, {}, largest);
}

/** Puts dense canonical codes into the engine's inputs. */
export function setInputs(engine: EngineExports, inputs: readonly Int8Array[]): void {
  inputs.forEach((codes, i) => {
    new Int8Array(engine.memory.buffer).set(codes, engine.input_ptr(i) >>> 0);
  });
}

/** Codes of one tensor of the plan, canonical. */
export function readTensor(engine: EngineExports, graph: IntegerGraph, tensor: number, room: number): Codes {
  const [height, width, channels] = graph.tensors[tensor]!.shape;
  if (engine.read_tensor(tensor, room) !== 1) throw new Error(`no tensor ${tensor}`);
  const wide = bitsOf(graph.tensors[tensor]!) === 16;
  const bytes = engine.memory.buffer.slice(room, room + height * width * channels * (wide ? 2 : 1));
  return wide ? new Int16Array(bytes) : new Int8Array(bytes);
}

export function writeTensor(engine: EngineExports, tensor: number, codes: Codes, room: number): void {
  const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
  new Uint8Array(engine.memory.buffer).set(bytes, room);
  if (engine.write_tensor(tensor, room) !== 1) throw new Error(`no tensor ${tensor}`);
}

/**
 * Runs a loaded model step by step: the codes that every node wrote, by node. Of the nodes of a group, those that
 * something behind it reads.
 */
export function traceNodes(
  engine: EngineExports,
  graph: IntegerGraph,
  inputs: readonly Int8Array[],
  room: number,
  groups: readonly Group[] = [],
): Codes[] {
  setInputs(engine, inputs);
  let step = graph.inputs.length;
  run(engine, 0, step);
  const traced: Codes[] = [];
  graph.nodes.forEach((node, k) => {
    if (groups.some(({ first }) => first === k)) run(engine, step, ++step);
    run(engine, step, ++step);
    const group = groups.find(({ first, members }) => first <= k && k < first + members.length);
    const behind = group && graph.nodes.slice(group.first + group.members.length);
    const kept =
      behind === undefined ||
      behind.some(({ inputs }) => inputs.includes(node.output)) ||
      graph.outputs.some(({ tensor }) => tensor === node.output);
    if (kept) traced[k] = readTensor(engine, graph, node.output, room);
  });
  return traced;
}

/** Codes of every model output after a whole run. */
export function runModel(
  engine: EngineExports,
  graph: IntegerGraph,
  inputs: readonly Int8Array[],
): Int8Array[] {
  setInputs(engine, inputs);
  const status = engine.run();
  if (status !== 0) throw new Error(`run: status ${status}`);
  return graph.outputs.map((border, i) => {
    const [height, width, channels] = graph.tensors[border.tensor]!.shape;
    const at = engine.output_ptr(graph.inputs.length + i) >>> 0;
    return new Int8Array(engine.memory.buffer, at, height * width * channels).slice();
  });
}

export function run(engine: EngineExports, from: number, to: number): void {
  const status = engine.run_steps(from, to);
  if (status !== 0) throw new Error(`steps ${from} to ${to}: status ${status}`);
}

/** A build, and the class of the relaxed dot that it runs with. */
export interface Variant {
  readonly name: string;
  open(): Promise<TestExports>;
}

/** The relaxed engine in strict SIMD, on hardware of one class, told (or finding out) that it is `assumed`. */
async function emulated(hardware: number, assumed = hardware): Promise<TestExports> {
  const engine = await openEngine("test-emulated");
  engine.emulate(hardware);
  engine.assume_class(assumed);
  return engine;
}

/** The released relaxed engine; `assumed` undefined takes what its self-test finds. */
async function released(assumed?: number): Promise<TestExports> {
  const engine = await openEngine("engine-relaxed");
  const found = engine.self_test();
  // P uses the instruction less than U does, and "none" not at all: both are right on hardware of class U.
  if (assumed !== undefined && (assumed === DOT_NONE || found === DOT_UNSIGNED)) engine.assume_class(assumed);
  return engine;
}

/** Every build and every class: on this machine's instruction where it has one, emulated in any case. */
export function variants(): Variant[] {
  return [
    { name: "scalar", open: () => openEngine("test-scalar") },
    { name: "simd", open: () => openEngine("test-simd") },
    { name: "emulated, class U", open: () => emulated(DOT_UNSIGNED) },
    { name: "emulated, class P", open: () => emulated(DOT_PAIR_SATURATING) },
    { name: "emulated, class S", open: () => emulated(DOT_SIGNED) },
    { name: "emulated, class none", open: () => emulated(DOT_SIGNED, DOT_NONE) },
    ...(hasRelaxed
      ? [
          { name: "relaxed, class found", open: () => released() },
          { name: "relaxed, class P", open: () => released(DOT_PAIR_SATURATING) },
          { name: "relaxed, class none", open: () => released(DOT_NONE) },
        ]
      : []),
  ];
}
