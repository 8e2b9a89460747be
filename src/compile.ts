import { calibrate as calibrateHere } from "./calibrate/calibrate.ts";
import { Calibration } from "./calibrate/calibration.ts";
import type { RangeOptions } from "./calibrate/ranges.ts";
import { type Allocating, allocatePolicy, withNetwork } from "./compile/budget.ts";
import { headerOf, metadataOf } from "./compile/header.ts";
import { DyadicError } from "./error.ts";
import type { Progress, Samples } from "./float/samples.ts";
import type { Graph } from "./graph/graph.ts";
import type { IntegerGraph } from "./graph/integer.ts";
import { type ImportOptions, importModel } from "./import/index.ts";
import { writeModel } from "./model/writer.ts";
import type { Ranges } from "./numerics/range.ts";
import { sha256 } from "./numerics/sha256.ts";
import { absorbBiases } from "./passes/absorb-biases.ts";
import { equalise } from "./passes/equalise.ts";
import { simplify } from "./passes/index.ts";
import { withLabels } from "./passes/labels.ts";
import { stream } from "./passes/stream.ts";
import { type Layout, planWithin, verifyLayout } from "./plan/index.ts";
import { type Allocated, holdBudget } from "./precision/allocate/index.ts";
import { type Pixels, pixelInput } from "./precision/pixels.ts";
import { type Policy, type PolicyRow, parsePolicy, presetPolicy } from "./precision/policy.ts";
import { decide, forSize, type LayerStore, quantizeByPolicy } from "./precision/quantize.ts";
import type { Adjusted } from "./precision/widths.ts";
import { channelStatistics } from "./quantize/channel-statistics.ts";
import { dequantizeGraph } from "./quantize/dequantize.ts";
import { lower } from "./quantize/lower.ts";
import type { ShardSamples } from "./quantize/shards.ts";

export type { Allocating } from "./compile/budget.ts";
export { PRODUCER } from "./compile/header.ts";

/** What runs a float network over samples. */
export interface Calibrator {
  /** assembly/build/calibrator.wasm, compiled. */
  module(): Promise<WebAssembly.Module>;
  calibrate(graph: Graph, samples: Samples, progress: Progress): Promise<Calibration>;
  /** Where samples are run while layers are rounded; left out, on this thread. */
  readonly shards?: ShardSamples;
}

/** What a float model needs besides the file. */
export interface FloatOptions extends Pick<Progress, "signal"> {
  /** Real inputs; a function gets the simplified graph, whose inputs they are for. */
  readonly samples?: Samples | ((graph: Graph) => Samples);
  /** A calibration made before, or ranges by tensor index of the simplified graph: instead of one over the samples. */
  readonly calibration?: Calibration | Ranges | ((graph: Graph) => Calibration | Ranges);
  /** assembly/build/calibrator.wasm, compiled: what runs the samples, on this thread; or something else that does. */
  readonly calibrator?: WebAssembly.Module | Calibrator;
  /** How ranges are chosen from what was seen. */
  readonly observer?: RangeOptions;
  /** Bits and methods of the layers; left out, the policy that the model carries, or 8 bits everywhere. */
  readonly policy?: Policy;
  /** The host hands over bytes, of which the model's numbers are made so: folded into the input where that is exact. */
  readonly pixels?: Pixels;
  /** Keeps layers as they are finished, so that a run that was stopped goes on. */
  readonly layers?: LayerStore;
  /** A budget that decides the bits, in place of a policy: needs samples and a calibration of them. */
  readonly allocation?: Allocating;
  /** Rounds to nearest whatever the policy says: for questions of size and time, which need no samples. */
  readonly draft?: boolean;
  /** Called after every sample that is calibrated, every loss that is measured, every node that is quantized. */
  onProgress?(done: number, total: number, stage: "calibrate" | "round" | "measure" | "quantize"): void;
}

export interface CompileOptions extends ImportOptions, FloatOptions {
  /** Name of the source file, for messages and the header. */
  readonly file?: string;
  /** Leaves out the header: names of layers and provenance. */
  readonly strip?: boolean;
  /**
   * Frames of a run: a model over a whole window of time becomes one that takes so many at a time and keeps the rest
   * (src/passes/stream.ts).
   */
  readonly stream?: number;
  /** One label per class, for the output that has as many channels. */
  readonly labels?: readonly string[];
}

/** The model file, and every stage on the way to it. */
export interface Compiled {
  readonly model: Uint8Array;
  readonly graph: Graph;
  readonly integer: IntegerGraph;
  readonly layout: Layout;
  /** What running steps by bands costs, in nanoseconds, roughly: 0 where none does. */
  readonly bandCost: number;
  /** What a float model was quantized by. */
  readonly calibration?: Calibration;
  readonly policy?: Policy;
  /** What holds for every layer with weights of a float model. */
  readonly layers: readonly PolicyRow[];
  /** Activations that have other bits than the policy asked for, and why. */
  readonly adjusted: readonly Adjusted[];
  /** How a budget was spent. */
  readonly allocated?: Allocated;
}

/** A graph whose activations are codes, and what the compiler decided for it. */
interface Quantized {
  readonly graph: Graph;
  readonly calibration?: Calibration;
  readonly policy?: Policy;
  readonly layers?: readonly PolicyRow[];
  readonly adjusted?: readonly Adjusted[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly allocated?: Allocated | undefined;
}

/**
 * Compiles a model (.tflite, .onnx) to a `.dyad` file: one of int8 as it is, a float model by samples and a policy.
 * Pure: the same input gives the same bytes.
 * Throws DyadicError: BAD_FILE, UNSUPPORTED_OP and so on, with file and node.
 */
export async function compile(bytes: Uint8Array, options: CompileOptions = {}): Promise<Compiled> {
  const { file } = options;
  try {
    const graph = simplify(importModel(bytes, file, options));
    const source = sha256(bytes);
    const quantized = await quantize(graph, options, source);
    const compiled = emit(quantized, options, source);
    if (options.allocation !== undefined) {
      const { model, layout, integer, allocated } = compiled;
      const written = { fileBytes: model.length, peakBytes: layout.peakBytes, graph: integer };
      holdBudget(written, options.allocation.budget, allocated !== undefined);
    }
    return compiled;
  } catch (error) {
    throw error instanceof DyadicError && file !== undefined ? error.at({ file }) : error;
  }
}

/** The arrows behind `import`, for quantized graphs that were made in memory. */
export function compileGraph(
  imported: Graph,
  options: Omit<CompileOptions, keyof FloatOptions> = {},
  source: Uint8Array = new Uint8Array(0),
): Compiled {
  return emit({ graph: simplify(imported) }, options, source);
}

/** calibrate and allocate: a float graph in codes. A quantized one stays as it is, unless a policy wants it otherwise. */
async function quantize(simplified: Graph, options: CompileOptions, source: Uint8Array): Promise<Quantized> {
  const isQuantized = !isFloat(simplified);
  if (isQuantized && options.policy === undefined && !isFree(options)) {
    refuseCalibration(options);
    return { graph: simplified };
  }
  const float = isQuantized ? dequantizeGraph(simplified) : simplified;
  const own = float.policy === undefined ? presetPolicy("8") : parsePolicy(float.policy);
  const policy = options.draft ? forSize(options.policy ?? own) : (options.policy ?? own);
  const balanced = policy.equalisation ? equalise(float) : float;
  const input = options.pixels && pixelInput(balanced, options.pixels);
  const prepared = input?.graph ?? balanced;
  refuseUncalibrated(options);
  const samples = samplesOf(prepared, options, input?.sample);
  const graph = policy.biasAbsorption ? await absorbed(prepared, samples, options) : prepared;
  const decided = decide(graph, policy);
  const seen = await calibration(graph, options, samples);
  const module = () => calibratorOf(options).module();
  const borders = { input: input?.border ?? "int8", inputZeroPoints: input?.zeroPoints } as const;
  const common = { inputRange: input?.range, observer: options.observer, signal: options.signal };
  const evidence = { graph, samples, module, shards: shardsOf(options) };
  const allocated =
    options.allocation &&
    (await allocatePolicy(
      evidence,
      seen,
      { ...common, borders },
      {
        ...options,
        allocation: options.allocation,
        policy,
        source,
      },
    ));
  const quantized = await quantizeByPolicy(
    allocated ? decide(graph, withNetwork(allocated.policy, policy)) : decided,
    { ...evidence, seen },
    {
      ...common,
      ...borders,
      layers: options.layers,
      onProgress: (done, total) => options.onProgress?.(done, total, "quantize"),
    },
  );
  const { policy: effective, rows, widths } = quantized.decision;
  return {
    graph: quantized.graph,
    policy: effective,
    layers: rows,
    adjusted: widths.adjusted,
    allocated,
    ...(seen instanceof Calibration && {
      calibration: seen,
      metadata: metadataOf(seen, options.observer, allocated?.allocation.certificate),
    }),
  };
}

/** Whether the bits of a quantized model may be chosen anew: within a budget, by samples. Without, its plan alone is free. */
function isFree({ allocation, samples, calibration }: CompileOptions): boolean {
  if (allocation === undefined) return false;
  return allocation.budget.latency !== undefined || samples !== undefined || calibration !== undefined;
}

/** The graph with biases absorbed, by what the samples do to it. */
async function absorbed(graph: Graph, samples: Samples, options: CompileOptions): Promise<Graph> {
  if (samples.length === 0) {
    throw new DyadicError("BAD_ARGUMENT", "bias absorption needs samples, and there are only ranges", {
      expected: "real inputs",
      hint: "--calibrate FOLDER or X.npy; or the policy without biasAbsorption",
    });
  }
  const { signal } = options;
  const module = await calibratorOf(options).module();
  return absorbBiases(graph, await channelStatistics(graph, samples, module, { signal }));
}

/** Whether no activation of a graph is quantized. */
export function isFloat(graph: Graph): boolean {
  return graph.tensors.every(({ data, quantization }) => data !== undefined || quantization === undefined);
}

/** The samples as inputs of the graph; none where only a calibration was given. */
function samplesOf(
  graph: Graph,
  { samples = [] }: CompileOptions,
  prepare: ((values: Float32Array) => Float32Array) | undefined,
): Samples {
  const own = typeof samples === "function" ? samples(graph) : samples;
  if (prepare === undefined) return own;
  return { length: own.length, at: (index) => own.at(index)?.map(prepare) };
}

async function calibration(
  graph: Graph,
  options: CompileOptions,
  samples: Samples,
): Promise<Calibration | Ranges> {
  const made = options.calibration;
  if (made !== undefined) return typeof made === "function" ? made(graph) : made;
  const onProgress = (done: number, total: number) => options.onProgress?.(done, total, "calibrate");
  return calibratorOf(options).calibrate(graph, samples, { signal: options.signal, onProgress });
}

function refuseUncalibrated(options: CompileOptions): void {
  if (options.samples !== undefined || options.calibration !== undefined) return;
  throw new DyadicError("BAD_ARGUMENT", "a float model needs samples of what it will see", {
    expected: "real inputs; some 100 are enough",
    hint: "--calibrate FOLDER of pictures, or --calibrate X.npy",
  });
}

function calibratorOf({ calibrator }: CompileOptions): Calibrator {
  if (calibrator === undefined) {
    throw new DyadicError("BAD_ARGUMENT", "samples need something that runs them", {
      expected: "the option calibrator: calibrator.wasm, compiled",
    });
  }
  if (!(calibrator instanceof WebAssembly.Module)) return calibrator;
  return {
    module: async () => calibrator,
    calibrate: (graph, samples, progress) => calibrateHere(graph, samples, calibrator, progress),
  };
}

function shardsOf({ calibrator }: CompileOptions): ShardSamples | undefined {
  return calibrator instanceof WebAssembly.Module ? undefined : calibrator?.shards;
}

function refuseCalibration({ samples, calibration: seen, pixels }: CompileOptions): void {
  if ([samples, seen, pixels].every((option) => option === undefined)) return;
  throw new DyadicError("BAD_ARGUMENT", "the model is quantized already: there is nothing to calibrate", {
    hint: "leave out the samples and what prepares them, or give --bits or --policy to quantize it anew",
  });
}

/** lower, plan and write. */
function emit(quantized: Quantized, options: CompileOptions, source: Uint8Array): Compiled {
  const labelled = withLabels(quantized.graph, options.labels);
  const graph = options.stream === undefined ? labelled : stream(labelled, options.stream);
  const planned = planWithin(lower(graph), options.allocation?.budget.ram ?? Infinity);
  const { graph: integer, layout, overhead: bandCost } = planned;
  verifyLayout(integer, layout);
  const header = options.strip ? undefined : headerOf(integer, layout, quantized, options.file ?? "", source);
  const { calibration, policy, layers = [], adjusted = [] } = quantized;
  return {
    model: writeModel(integer, layout, header),
    graph,
    integer,
    layout,
    bandCost,
    layers,
    adjusted,
    ...(calibration && { calibration }),
    ...(policy && { policy }),
    ...(quantized.allocated && { allocated: quantized.allocated }),
  };
}
