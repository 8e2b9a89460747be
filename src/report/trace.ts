// The values that every layer of a model writes, as reals.
import { DTYPE_INT16 } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import type { FloatNetwork } from "../float/network.ts";
import { elements } from "../graph/graph.ts";
import { requireHeader } from "../model/header.ts";
import type { IoTensor } from "../model/io.ts";
import { groupsOf, type Plan, readPlan } from "../model/plan-reader.ts";
import { readModel } from "../model/reader.ts";
import { dequantizeValue } from "../numerics/affine.ts";
import { type EngineExports, instantiate, loadModel, statusError } from "../runtime/engine.ts";

/** What a layer wrote for one sample, dense NHWC. */
export interface LayerValues {
  readonly name: string;
  readonly op: string;
  readonly values: Float32Array;
}

/** A model that shows its layers. */
export interface Tracer {
  readonly kind: "float" | "integer";
  readonly samples: number;
  /** Runs a sample; the layers in their order, without those that were never whole in memory. */
  trace(sample: number): LayerValues[];
  /** Runs a sample; the first output alone. */
  run(sample: number): Float32Array;
}

export function floatTracer(
  network: FloatNetwork,
  samples: { readonly length: number; at(index: number): Float32Array },
): Tracer {
  const layerOf = new Map(network.graph.nodes.map((node) => [node.outputs[0]!, node]));
  const trace = (index: number) => {
    const layers: LayerValues[] = [];
    network.run([samples.at(index)], (tensor, values) => {
      const node = layerOf.get(tensor);
      if (node !== undefined) layers.push({ name: node.name, op: node.op, values: values.slice() });
    });
    return layers;
  };
  const run = (index: number) => network.run([samples.at(index)])[0]!;
  return { kind: "float", samples: samples.length, trace, run };
}

/**
 * A `.dyad` of one input, stepped through on an engine; states start anew with every sample.
 * Throws BAD_ARGUMENT for a stripped file and for several inputs.
 *
 * @param samplesOf samples of the input as canonical codes of its dtype
 */
export async function integerTracer(
  bytes: Uint8Array,
  file: string,
  module: WebAssembly.Module,
  samplesOf: (input: IoTensor) => readonly (Int8Array | Uint8Array)[],
): Promise<Tracer> {
  const model = readModel(bytes, file);
  const { layers, values } = requireHeader(model, file);
  const plan = readPlan(model);
  const { tensors, steps } = plan;
  const [input, ...others] = model.io.filter(({ role }) => role === "input");
  if (input === undefined || others.length > 0) {
    throw new DyadicError("BAD_ARGUMENT", "layers are shown of models of one input", {
      file,
      found: `${others.length + 1}`,
    });
  }
  const samples = samplesOf(input);
  const engine = await instantiate(module);
  const most = Math.max(...tensors.map(({ shape }) => 2 * elements(shape)));
  const room = loadModel(engine, bytes, file, {}, most);
  const start = (index: number) => {
    engine.reset(); // samples are independent of each other
    const codes = Int8Array.from(samples[index]!, (code) => code - (input.dtype === "uint8" ? 128 : 0));
    new Int8Array(engine.memory.buffer).set(codes, engine.input_ptr(0) >>> 0);
  };
  const read = (tensor: number): Float32Array => {
    const { shape, zeroPoint, dtype } = tensors[tensor]!;
    if (engine.read_tensor(tensor, room) !== 1) {
      throw new DyadicError("INTERNAL", `the engine does not show tensor ${tensor}`, { file });
    }
    const wide = dtype === DTYPE_INT16;
    const bytes = engine.memory.buffer.slice(room, room + elements(shape) * (wide ? 2 : 1));
    const codes = wide ? new Int16Array(bytes) : new Int8Array(bytes);
    const { scale } = values[tensor]!;
    return Float32Array.from(codes, (code) => dequantizeValue(code, scale, zeroPoint));
  };
  const trace = (index: number) => {
    start(index);
    runSteps(engine, 0, 1, file);
    return layers.flatMap(({ name, op }, k): LayerValues[] => {
      runSteps(engine, k + 1, k + 2, file);
      return isWhole(plan, k + 1) ? [{ name, op, values: read(steps[k + 1]!.outputs[0]!) }] : [];
    });
  };
  const run = (index: number) => {
    start(index);
    runSteps(engine, 0, layers.length + 1, file);
    return read(steps[layers.length + 1]!.inputs[0]!);
  };
  return { kind: "integer", samples: samples.length, trace, run };
}

/** Whether what a step writes is all there behind it: of the steps of a group, what is read behind the group is. */
function isWhole(plan: Plan, step: number): boolean {
  const [output] = plan.steps[step]!.outputs;
  const group = groupsOf(plan).find(({ first, last }) => first <= step && step <= last);
  if (output === undefined || group === undefined) return output !== undefined;
  return plan.steps.slice(group.last + 1).some(({ inputs }) => inputs.includes(output));
}

function runSteps(engine: EngineExports, from: number, to: number, file: string): void {
  const status = engine.run_steps(from, to);
  if (status !== 0) throw statusError(engine, status, file);
}
