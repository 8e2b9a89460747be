// Reconstruction: what was rounded layer by layer is refined unit by unit, so that what a unit gives out is what the
// float network's does (Li 2021, BRECQ). Scales, biases and, on demand, codes move by straight-through gradients.
import { DyadicError } from "../../error.ts";
import { FloatNetwork } from "../../float/network.ts";
import type { Samples } from "../../float/samples.ts";
import type { Graph } from "../../graph/graph.ts";
import { Fit, type FitOptions } from "./fit.ts";
import { onGrid } from "./grid.ts";
import { divergence, squaredError } from "./loss.ts";
import type { Rates } from "./parameters.ts";
import { Tape } from "./tape.ts";
import { type Unit, unitsOf } from "./unit.ts";

export interface ReconstructionOptions {
  /** Layers that a unit has at least, or "all" for one unit of the whole network. Default "all". */
  readonly layers?: number | "all";
  /** Steps of a unit. Default 150. */
  readonly steps?: number;
  /** Samples of a step. Default 32. */
  readonly batch?: number;
  /** Default: scales and biases move, codes stay. */
  readonly rates?: Rates;
  readonly signal?: AbortSignal | undefined;
  /** Called after every step. */
  onProgress?(done: number, total: number): void;
  /** Mean losses of a unit over the samples before and after; where it would be larger, the unit stays as it was. */
  onUnit?(unit: Unit, before: number, after: number): void;
}

/**
 * Codes stay: some 1,500 samples have fewer outputs than a network has weights, and codes that move fit those outputs
 * instead of the function (ResNet-8 at 2 bits: KL from .151 to .064 on the samples, from .159 to .173 on others).
 */
const RATES: Rates = { codes: 0, scales: 0.002, bias: 0.05 };
/** How long to work before other tasks of the event loop get their turn. */
const TURN_MS = 50;

/**
 * Refines a quantized graph against the float one that it was made of, unit by unit in execution order: each sees what
 * the units in front of it give out by then. Units are fitted to the float unit's outputs, the last one to the softmax of
 * the float network's. Ranges of activations, widths, and layers of 8 and 7 bits but for their biases, stay.
 * The result depends on graphs, samples and options alone.
 * Throws BAD_ARGUMENT for an empty set, UNSUPPORTED_OP, naming the node, for an op without a gradient and for networks
 * with several inputs or outputs, OUT_OF_MEMORY.
 *
 * @param quantized of quantizeSequentially or quantizePostTraining, node for node
 * @param module assembly/build/calibrator.wasm, compiled
 */
export async function reconstruct(
  graph: Graph,
  quantized: Graph,
  samples: Samples,
  module: WebAssembly.Module,
  options: ReconstructionOptions = {},
): Promise<Graph> {
  const { layers = "all", steps = 150, batch = 32, rates = RATES } = options;
  refuse(graph, samples);
  const logits = withoutSoftmax(graph);
  const units = unitsOf(logits, layers === "all" ? Number.POSITIVE_INFINITY : layers);
  const input = quantized.tensors[graph.inputs[0]!.tensor]!;
  let floats = Array.from({ length: samples.length }, (_, i) => samples.at(i)![0]!);
  let inputs = floats.map((values) => onGrid(values, input));
  let result = quantized;
  for (const [done, unit] of units.entries()) {
    const targets = await floatOutputs(graph, unit, floats, module);
    const refining = new Refinement(graph, unit, { inputs, targets }, module, { steps, batch, rates });
    const onStep = (step: number) => options.onProgress?.(done * steps + step, units.length * steps);
    result = await refining.run(result, unit === units.at(-1), options, onStep);
    inputs = await refining.outputs(result);
    floats = targets;
  }
  return result;
}

/** One unit, from the graph as it was to the graph that is kept. */
class Refinement {
  private readonly graph: Graph;
  private readonly unit: Unit;
  private readonly examples: { readonly inputs: Float32Array[]; readonly targets: Float32Array[] };
  private readonly module: WebAssembly.Module;
  private readonly fit: FitOptions;

  constructor(
    graph: Graph,
    unit: Unit,
    examples: { readonly inputs: Float32Array[]; readonly targets: Float32Array[] },
    module: WebAssembly.Module,
    fit: FitOptions,
  ) {
    this.graph = graph;
    this.unit = unit;
    this.examples = examples;
    this.module = module;
    this.fit = fit;
  }

  async run(
    base: Graph,
    isLast: boolean,
    { signal, onUnit }: ReconstructionOptions,
    onStep: (step: number) => void,
  ): Promise<Graph> {
    const { graph, unit, examples, fit: options } = this;
    const loss = isLast ? divergence : squaredError;
    const fit = new Fit(await this.tape(base), base, examples, loss, options);
    const before = fit.total();
    let turn = performance.now();
    for (let step = 0; step < options.steps; step++) {
      signal?.throwIfAborted();
      fit.step(step);
      onStep(step + 1);
      if (performance.now() - turn < TURN_MS) continue;
      await new Promise((resolve) => setTimeout(resolve));
      turn = performance.now();
    }
    const refined = fit.result(base, graph);
    const after = new Fit(await this.tape(refined), refined, examples, loss, options).total();
    onUnit?.(unit, before, after);
    return after < before ? refined : base;
  }

  /** The quantized unit's outputs, of every sample. */
  async outputs(result: Graph): Promise<Float32Array[]> {
    const tape = await this.tape(result);
    return this.examples.inputs.map((input) => tape.run(input).slice());
  }

  private tape(base: Graph): Promise<Tape> {
    return Tape.create(this.module, this.graph, base, this.unit);
  }
}

function refuse(graph: Graph, samples: Samples): void {
  if (samples.length === 0) {
    throw new DyadicError("BAD_ARGUMENT", "the calibration set is empty", {
      expected: "real samples of what the model will see; some 500 are enough",
    });
  }
  if (graph.inputs.length === 1 && graph.outputs.length === 1) return;
  throw new DyadicError("UNSUPPORTED_OP", "reconstruction is for networks with one input and one output", {
    found: `${graph.inputs.length} and ${graph.outputs.length}`,
    hint: "leave reconstruction out: rounding alone takes such networks",
  });
}

/** The graph up to the logits, where its output is their softmax. */
function withoutSoftmax(graph: Graph): Graph {
  const last = graph.nodes.at(-1)!;
  const [output] = graph.outputs;
  if (last.op !== "softmax" || last.outputs[0] !== output!.tensor) return graph;
  return { ...graph, nodes: graph.nodes.slice(0, -1), outputs: [{ ...output!, tensor: last.inputs[0]! }] };
}

/** Outputs of a unit of the float graph. */
async function floatOutputs(
  graph: Graph,
  unit: Unit,
  inputs: readonly Float32Array[],
  module: WebAssembly.Module,
): Promise<Float32Array[]> {
  const border = (tensor: number) => {
    const { name, shape } = graph.tensors[tensor]!;
    return { name, tensor, dtype: "float32" as const, shape, layout: "flat" as const };
  };
  const part = { ...graph, nodes: unit.nodes, inputs: [border(unit.input)], outputs: [border(unit.output)] };
  const network = await FloatNetwork.create(part, module);
  return inputs.map((input) => network.run([input])[0]!);
}
