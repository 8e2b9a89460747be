import { isFloat } from "../compile.ts";
import { FloatNetwork } from "../float/network.ts";
import { calibratorModule } from "../float/node.ts";
import type { Graph } from "../graph/graph.ts";
import { importModel } from "../import/index.ts";
import { inputShape } from "../inputs/samples.ts";
import { simplify } from "../passes/index.ts";
import { floatTracer, integerTracer, type Tracer } from "../report/trace.ts";
import { engineModule } from "../runtime/node.ts";
import { type PreparationFlags, preparationOf } from "./calibration.ts";
import { readBytes } from "./files.ts";
import { openFloats } from "./inputs/floats.ts";
import { readInputs } from "./inputs/index.ts";
import { isCompiled, loadModel, siblingsOf } from "./model.ts";

/** Opens a model of any format with the inputs at `path`. Throws DyadicError naming the file. */
export async function openTracer(model: string, input: string, flags: PreparationFlags): Promise<Tracer> {
  const bytes = readBytes(model);
  if (isCompiled(bytes)) return traceIntegers(bytes, model, input, flags);
  const graph = simplify(importModel(bytes, model, { readExternal: siblingsOf(model) }));
  if (isFloat(graph)) return traceFloats(graph, input, flags);
  return traceIntegers((await loadModel(model)).bytes, model, input, flags);
}

/** A float graph on the samples of a file. */
export async function traceFloats(graph: Graph, input: string, flags: PreparationFlags): Promise<Tracer> {
  const network = await FloatNetwork.create(graph, await calibratorModule());
  return floatTracer(network, openFloats(input, preparationOf(flags)).samples(inputShape(graph)));
}

/** A `.dyad` on the samples of a file. */
export async function traceIntegers(
  bytes: Uint8Array,
  file: string,
  input: string,
  flags: PreparationFlags,
): Promise<Tracer> {
  return integerTracer(bytes, file, await engineModule(), (io) =>
    readInputs(input, io, preparationOf(flags)),
  );
}
