import { compile, isFloat } from "../compile.ts";
import { DyadicError } from "../error.ts";
import type { Graph } from "../graph/graph.ts";
import { importModel } from "../import/index.ts";
import { readNpy } from "../import/npy.ts";
import { simplify } from "../passes/index.ts";
import { presetPolicy } from "../precision/policy.ts";
import { describe } from "../report/describe.ts";
import { parseFrontier } from "../report/frontier.ts";
import { pageOf } from "../report/page/index.ts";
import { floatBytes, reportOf, type Traced } from "../report/report.ts";
import type { Tracer } from "../report/trace.ts";
import { type FloatFlags, floatOptions } from "./calibration.ts";
import { readBytes, readText } from "./files.ts";
import { interruptible } from "./interrupt.ts";
import { isCompiled, loadModel, siblingsOf } from "./model.ts";
import { kibibytes, print, progress, writeWhole } from "./output.ts";
import { traceFloats, traceIntegers } from "./trace.ts";

interface Options extends FloatFlags {
  readonly output?: string;
  readonly against?: string;
  readonly inputs?: string;
  readonly labels?: string;
  readonly frontier?: string;
  readonly count: number;
  readonly json?: boolean;
}

/** `dyadic report`: all that is known of a compiled model on one page, or as JSON. */
export async function reportCommand(path: string, options: Options): Promise<void> {
  const { output, inputs, labels, json } = options;
  if (output === undefined && json !== true) {
    throw new DyadicError("BAD_ARGUMENT", "there is nowhere to put the report", {
      expected: "-o report.html, or --json",
    });
  }
  const isModel = isCompiled(readBytes(path));
  const { bytes } = await loadModel(path, isModel ? preparation(options) : options);
  const float = floatGraph(path, isModel, options);
  const own = inputs === undefined ? undefined : await traceIntegers(bytes, path, inputs, options);
  const int8 = float && own && (await atEightBits(bytes, path, isModel, options));
  const report = reportOf(bytes, path, {
    ...(own && { own }),
    ...(float && own && { float: await floatEvidence(float, inputs!, options) }),
    ...(int8 && { int8 }),
    ...(own && labels !== undefined && { labels: readLabels(labels, own) }),
    ...(options.frontier !== undefined && { frontier: frontierOf(options.frontier) }),
    count: options.count,
    onProgress: progress,
  });
  progress("");
  if (output !== undefined) writeWhole(output, new TextEncoder().encode(pageOf(report)));
  const size = kibibytes(report.flashBytes);
  print(json === true, report, () => `${output}: ${report.layers.length} layers, ${size}\n`);
}

/** The flags that do not compile anything. */
function preparation({ scale, mean, std, invert }: FloatFlags): FloatFlags {
  return {
    ...(scale !== undefined && { scale }),
    ...(mean !== undefined && { mean }),
    ...(std !== undefined && { std }),
    ...(invert !== undefined && { invert }),
  };
}

/** The float network to compare with: the one given, or the model itself where it was float. */
function floatGraph(path: string, isModel: boolean, { against }: Options): Graph | undefined {
  const source = against ?? (isModel ? undefined : path);
  if (source === undefined) return undefined;
  const bytes = readBytes(source);
  const graph = simplify(importModel(bytes, source, { readExternal: siblingsOf(source) }));
  if (isFloat(graph)) return graph;
  if (against === undefined) return undefined;
  throw new DyadicError("BAD_ARGUMENT", "--against is a float model", { file: source });
}

async function floatEvidence(graph: Graph, inputs: string, options: Options): Promise<Traced> {
  return { tracer: await traceFloats(graph, inputs, options), bytes: floatBytes(graph), arenaBytes: null };
}

/** The float model compiled at 8 bits, where samples to calibrate it are given and `bytes` has fewer anywhere. */
async function atEightBits(
  bytes: Uint8Array,
  path: string,
  isModel: boolean,
  options: Options,
): Promise<Traced | undefined> {
  const { steps } = describe(bytes, path).plan;
  const isNarrow = steps.some(
    ({ weightBits, activationBits }) => (weightBits ?? 8) < 8 || activationBits < 8,
  );
  const source = options.against ?? (isModel ? undefined : path);
  if (!isNarrow || source === undefined || (options.calibrate === undefined && options.cache === undefined)) {
    return undefined;
  }
  const { bits: _, policy: __, ...flags } = options;
  const { model } = await interruptible((signal) =>
    compile(readBytes(source), {
      file: source,
      readExternal: siblingsOf(source),
      ...floatOptions(flags, signal),
      policy: presetPolicy("8"),
    }),
  );
  const tracer = await traceIntegers(model, source, options.inputs!, options);
  return { tracer, bytes: model.length, arenaBytes: describe(model, source).plan.peakBytes };
}

/** One class a sample. Throws BAD_INPUT where their number differs. */
function readLabels(path: string, { samples }: Tracer): number[] {
  const labels = Array.from(readNpy(readBytes(path), path).data, Number);
  if (labels.length === samples) return labels;
  throw new DyadicError("BAD_INPUT", "not one label a sample", {
    file: path,
    expected: `${samples}`,
    found: `${labels.length}`,
  });
}

function frontierOf(path: string) {
  try {
    return parseFrontier(readText(path));
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file: path }) : error;
  }
}
