// One case of ONNX's tests: what it computes as imported, and what the engine makes of it.
import { readFileSync } from "node:fs";
import { type Compiled, compile, isFloat } from "../../src/compile.ts";
import { DyadicError } from "../../src/error.ts";
import type { Border, Graph } from "../../src/graph/graph.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { quantizeValue } from "../../src/numerics/affine.ts";
import { simplify } from "../../src/passes/index.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { openEngine, openModel, runModel } from "../cases/engine.ts";
import { runFloat, toChannelsFirst, toChannelsLast } from "../cases/float-run.ts";
import type { Case, Value } from "./cases.ts";

/** What became of a case; `engine` says why it does not run there, null where it does. */
export type Verdict =
  | { readonly kind: "pass"; readonly integer: boolean; readonly engine: string | null }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "wrong"; readonly what: string };

/** How far the engine's int8 result for a float model may be off, as a share of the output's largest value. */
const ENGINE_TOLERANCE = 0.1;

const calibrator = new WebAssembly.Module(
  readFileSync(new URL("../../assembly/build/calibrator.wasm", import.meta.url)),
);

/** Runs every form of the model until one is supported. */
export async function judge(one: Case): Promise<Verdict> {
  let refusal: Verdict = { kind: "refused", reason: "inputs or outputs are not tensors of numbers" };
  if (one.inputs === null || one.outputs === null) return refusal;
  for (const model of one.models) {
    try {
      return await new Trial(model, one, one.inputs, one.outputs).run();
    } catch (error) {
      if (!(error instanceof DyadicError)) throw error;
      if (error.code === "INTERNAL") return { kind: "wrong", what: error.message };
      refusal = { kind: "refused", reason: reasonOf(error) };
    }
  }
  return refusal;
}

function reasonOf({ problem, place }: DyadicError): string {
  return place.found === undefined ? problem : `${problem}: ${place.found}`;
}

class Wrong extends Error {}

/** (N, C, L) as (N, C, 1, L). */
const four = (shape: readonly number[]) =>
  shape.length === 3 ? [...shape.slice(0, 2), 1, shape[2]!] : shape;

class Trial {
  private readonly bytes: Uint8Array;
  private readonly one: Case;
  private readonly inputs: readonly Value[];
  private readonly outputs: readonly Value[];
  /** As the file declares its borders: simplifying may turn floats into codes. */
  private readonly imported: Graph;

  constructor(bytes: Uint8Array, one: Case, inputs: readonly Value[], outputs: readonly Value[]) {
    this.bytes = bytes;
    this.one = one;
    this.inputs = inputs;
    this.outputs = outputs;
    this.imported = importOnnx(bytes);
  }

  async run(): Promise<Verdict> {
    const simple = simplify(this.imported);
    try {
      for (const graph of [this.imported, simple]) {
        const found = runFloat(graph, this.reals(graph), {});
        found.forEach(({ data }, i) => {
          this.compare(i, this.inFile(graph, i, data));
        });
      }
      return { kind: "pass", integer: !isFloat(simple), engine: await this.runEngine(isFloat(simple)) };
    } catch (error) {
      if (error instanceof Wrong) return { kind: "wrong", what: error.message };
      throw error;
    }
  }

  private inputOf(border: Border): Value {
    return this.inputs[this.one.inputNames.indexOf(border.name)]!;
  }

  private isCode(border: Border): boolean {
    return border.dtype !== "float32";
  }

  /** What the graph's input tensors hold, in reals. */
  private reals(graph: Graph): Float32Array[] {
    return this.imported.inputs.map((border, i) => {
      const data = Float32Array.from(this.inputOf(border).data);
      const { scale, zeroPoint } = graph.tensors[graph.inputs[i]!.tensor]!.quantization ?? FLOAT;
      const zero = zeroPoint[0]! + (border.dtype === "uint8" ? 128 : 0);
      const reals = this.isCode(border) ? data.map((code) => scale[0]! * (code - zero)) : data;
      return border.layout === "NCHW" ? toChannelsLast(reals, four(border.shape)) : reals;
    });
  }

  /** An output in the file's layout: reals, or codes where the file has those. */
  private inFile(graph: Graph, index: number, data: ArrayLike<number>): number[] {
    const border = this.imported.outputs[index]!;
    const { scale, zeroPoint } = graph.tensors[graph.outputs[index]!.tensor]!.quantization ?? FLOAT;
    const moved = Array.from(border.layout === "NCHW" ? toChannelsFirst(data, four(border.shape)) : data);
    if (!this.isCode(border)) return moved;
    const zero = zeroPoint[0]! + (border.dtype === "uint8" ? 128 : 0);
    return moved.map((real) => Math.round(real / scale[0]!) + zero);
  }

  /** Throws Wrong for what differs; codes must be equal, reals within `share` of the largest, or the test's tolerance. */
  private compare(index: number, found: readonly number[], share?: number): void {
    const border = this.imported.outputs[index]!;
    const { shape, data } = this.outputs[index]!;
    if (border.shape.join() !== shape.join()) {
      throw new Wrong(`${border.name} is [${border.shape}], expected [${shape}]`);
    }
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const { rtol, atol } = this.one;
    const at = found.findIndex((value, i) => {
      const wanted = data[i]!;
      if (this.isCode(border) || !Number.isFinite(wanted))
        return value !== wanted && !Object.is(value, wanted);
      const room = share === undefined ? atol + 1e-5 + rtol * Math.abs(wanted) : share * largest + 1e-5;
      return !(Math.abs(value - wanted) <= room);
    });
    if (at === -1) return;
    throw new Wrong(`${border.name}[${at}] is ${found[at]}, expected ${data[at]}`);
  }

  /** Compiles for the engine and runs two builds; says why where that is not possible. */
  private async runEngine(float: boolean): Promise<string | null> {
    let compiled: Compiled;
    try {
      const samples = (graph: Graph) => [this.reals(graph)];
      const calibration = { samples, calibrator, observer: { method: "minmax" } } as const;
      compiled = await compile(this.bytes, float ? calibration : {});
    } catch (error) {
      if (error instanceof DyadicError && error.code !== "INTERNAL") return reasonOf(error);
      throw error;
    }
    const { graph, integer, model } = compiled;
    const codes = this.codes(graph);
    const expected = runReference(integer, codes);
    for (const build of ["engine-scalar", "engine"] as const) {
      const engine = await openEngine(build);
      openModel(engine, model, integer);
      runModel(engine, integer, codes).forEach((found, i) => {
        if (found.join() !== expected[integer.outputs[i]!.tensor]!.join()) {
          throw new Wrong(`${build} differs from the integer reference`);
        }
      });
    }
    try {
      integer.outputs.forEach(({ tensor }, i) => {
        const { scale, zeroPoint } = integer.tensors[tensor]!;
        const reals = Array.from(expected[tensor]!, (code) => scale * (code - zeroPoint));
        this.compare(i, this.inFile(graph, i, reals), ENGINE_TOLERANCE);
      });
      return null;
    } catch (error) {
      // Numbers that 8 bits do not hold are listed, not failures; wrong codes are.
      if (!float || !(error instanceof Wrong)) throw error;
      return `in 8 bits, ${error.message}`;
    }
  }

  private codes(graph: Graph): Int8Array[] {
    return this.reals(graph).map((reals, i) => {
      const { scale, zeroPoint } = graph.tensors[graph.inputs[i]!.tensor]!.quantization!;
      return Int8Array.from(reals, (real) => quantizeValue(real, scale[0]!, zeroPoint[0]!, -128, 127));
    });
  }
}

const FLOAT = { scale: [1], zeroPoint: [0] };
