// The values that every layer of a model writes, as reals: what `compare` sets side by side.
import { DTYPE_INT16 } from "../../assembly/abi.ts";
import { isFloat } from "../compile.ts";
import { DyadicError } from "../error.ts";
import { FloatNetwork } from "../float/network.ts";
import { calibratorModule } from "../float/node.ts";
import { elements, type Graph } from "../graph/graph.ts";
import { importModel } from "../import/index.ts";
import { requireHeader } from "../model/header.ts";
import { readPlan } from "../model/plan-reader.ts";
import { readModel } from "../model/reader.ts";
import { dequantizeValue } from "../numerics/affine.ts";
import { simplify } from "../passes/index.ts";
import {
  type EngineExports,
  instantiate,
  loadModel as loadIntoEngine,
  statusError,
} from "../runtime/engine.ts";
import { engineModule } from "../runtime/node.ts";
import { inputShape, type PreparationFlags, preparationOf } from "./calibration.ts";
import { readBytes } from "./files.ts";
import { openFloats } from "./inputs/floats.ts";
import { readInputs } from "./inputs/index.ts";
import { isCompiled, loadModel, siblingsOf } from "./model.ts";

/** What a layer wrote for one sample, dense NHWC. */
export interface LayerValues {
  readonly name: string;
  readonly op: string;
  readonly values: Float32Array;
}

/** A model that shows its layers. */
export interface Tracer {
  /** "float" or "integer". */
  readonly kind: "float" | "integer";
  readonly samples: number;
  /** Runs a sample; the layers in their order. */
  trace(sample: number): LayerValues[];
}

/** Opens a model of any format with the inputs at `path`. Throws DyadicError naming the file. */
export async function openTracer(model: string, input: string, flags: PreparationFlags): Promise<Tracer> {
  const bytes = readBytes(model);
  if (isCompiled(bytes)) return integerTracer(bytes, model, input, flags);
  const graph = simplify(importModel(bytes, model, { readExternal: siblingsOf(model) }));
  if (isFloat(graph)) return floatTracer(graph, input, flags);
  return integerTracer((await loadModel(model)).bytes, model, input, flags);
}

async function floatTracer(graph: Graph, input: string, flags: PreparationFlags): Promise<Tracer> {
  const network = await FloatNetwork.create(graph, await calibratorModule());
  const samples = openFloats(input, preparationOf(flags)).samples(inputShape(graph));
  const layerOf = new Map(graph.nodes.map((node) => [node.outputs[0]!, node]));
  const trace = (index: number) => {
    const layers: LayerValues[] = [];
    network.run([samples.at(index)], (tensor, values) => {
      const node = layerOf.get(tensor);
      if (node !== undefined) layers.push({ name: node.name, op: node.op, values: values.slice() });
    });
    return layers;
  };
  return { kind: "float", samples: samples.length, trace };
}

async function integerTracer(
  bytes: Uint8Array,
  file: string,
  input: string,
  flags: PreparationFlags,
): Promise<Tracer> {
  const model = readModel(bytes, file);
  const { layers, values } = requireHeader(model, file);
  const { tensors, steps } = readPlan(model);
  const inputs = model.io.filter(({ role }) => role === "input");
  if (inputs.length !== 1) {
    throw new DyadicError("BAD_ARGUMENT", "compare takes models of one input", {
      file,
      found: `${inputs.length}`,
    });
  }
  const samples = readInputs(input, inputs[0]!, preparationOf(flags));
  const engine = await instantiate(await engineModule());
  const room = loadIntoEngine(
    engine,
    bytes,
    file,
    {},
    2 * Math.max(...tensors.map(({ shape }) => elements(shape))),
  );
  const trace = (index: number) => {
    const offset = inputs[0]!.dtype === "uint8" ? 128 : 0;
    const codes = Int8Array.from(samples[index]!, (code) => code - offset);
    new Int8Array(engine.memory.buffer).set(codes, engine.input_ptr(0) >>> 0);
    runStep(engine, 0, file);
    return layers.map(({ name, op }, k): LayerValues => {
      runStep(engine, k + 1, file);
      const tensor = steps[k + 1]!.outputs[0]!;
      const { shape, zeroPoint, dtype } = tensors[tensor]!;
      if (engine.read_tensor(tensor, room) !== 1) {
        throw new DyadicError("INTERNAL", "the engine does not show a tensor", { file, node: name });
      }
      const wide = dtype === DTYPE_INT16;
      const bytes = engine.memory.buffer.slice(room, room + elements(shape) * (wide ? 2 : 1));
      const codes = wide ? new Int16Array(bytes) : new Int8Array(bytes);
      const { scale } = values[tensor]!;
      return {
        name,
        op,
        values: Float32Array.from(codes, (code) => dequantizeValue(code, scale, zeroPoint)),
      };
    });
  };
  return { kind: "integer", samples: samples.length, trace };
}

function runStep(engine: EngineExports, step: number, file: string): void {
  const status = engine.run_steps(step, step + 1);
  if (status !== 0) throw statusError(engine, status, file);
}
