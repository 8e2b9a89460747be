import { DyadicError } from "../error.ts";
import { type Graph, type Node, validateGraph } from "../graph/graph.ts";
import type { Step } from "./binding.ts";
import { type CalibratorExports, instantiateCalibrator } from "./calibrator.ts";
import type { FloatInput } from "./codes.ts";
import { Layout } from "./layout.ts";

/** Called with every activation as soon as it is known; `values` is valid during the call only, and is not to be written. */
export type Visit = (tensor: number, values: Float32Array) => void;

/**
 * A float graph laid out in an instance of calibrator.wasm. The values of a run do not depend on the host, nor on
 * what ran before. Ops that the module has no kernel for run as their definition.
 */
export class FloatNetwork {
  readonly graph: Graph;
  private readonly layout: Layout;
  private readonly steps: readonly Step[];
  private readonly scratch: number;

  private constructor(layout: Layout, steps: readonly Step[]) {
    this.graph = layout.graph;
    this.layout = layout;
    this.steps = steps;
    this.scratch = layout.finish();
  }

  /**
   * Lays out a graph whose activations are float32; constants may be codes with a scale.
   * Throws BAD_ARGUMENT for quantized activations, OUT_OF_MEMORY, and what the ops say of shapes, naming the node.
   *
   * @param module assembly/build/calibrator.wasm, compiled
   */
  static async create(graph: Graph, module: WebAssembly.Module): Promise<FloatNetwork> {
    requireFloat(graph);
    const layout = new Layout(graph, await instantiateCalibrator(module));
    return new FloatNetwork(
      layout,
      graph.nodes.map((node) => located(node, () => layout.bind(node))),
    );
  }

  /** The instance, in whose memory the activations lie. */
  get wasm(): CalibratorExports {
    return this.layout.wasm;
  }

  /** So many bytes, on a multiple of 16, that no run of the network touches; views of the memory are made anew. */
  behind(bytes: number): number {
    return this.layout.behind(bytes);
  }

  /** Bytes of the module's memory: constants, activations and scratch. */
  get memoryBytes(): number {
    return this.layout.wasm.memory.buffer.byteLength;
  }

  /**
   * Runs one sample.
   *
   * @param inputs dense NHWC values, or codes, of every model input, in the order of `graph.inputs`
   * @param visit sees the inputs and every node's output
   * @returns copies of the model outputs, in the order of `graph.outputs`
   * Throws BAD_INPUT where an input is missing or has the wrong size.
   */
  run(inputs: readonly FloatInput[], visit?: Visit): Float32Array[] {
    this.forward(inputs, visit);
    return this.graph.outputs.map(({ tensor }) => this.layout.values(tensor).slice());
  }

  /** As `run`, for who takes what `visit` shows. */
  forward(inputs: readonly FloatInput[], visit?: Visit): void {
    const { graph, layout, steps, scratch } = this;
    layout.setInputs(inputs);
    for (const { tensor } of graph.inputs) visit?.(tensor, layout.values(tensor));
    graph.nodes.forEach((node, k) => {
      steps[k]!(scratch);
      for (const output of node.outputs) visit?.(output, layout.values(output));
    });
  }
}

/** Throws BAD_FILE for a graph that contradicts itself, BAD_ARGUMENT for quantized activations. */
export function requireFloat(graph: Graph): void {
  validateGraph(graph);
  const activations = [...graph.inputs.map(({ tensor }) => tensor), ...graph.nodes.flatMap((n) => n.outputs)];
  const quantized = activations
    .map((index) => graph.tensors[index]!)
    .find(({ dtype }) => dtype !== "float32");
  if (quantized === undefined) return;
  throw new DyadicError("BAD_ARGUMENT", `"${quantized.name}" is quantized: this is not a float network`, {
    expected: "float32 activations",
    found: quantized.dtype,
    hint: "dequantize the graph first",
  });
}

/** Runs an action; its error names the node. */
export function located<T>(node: Node, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ node: node.name, op: node.op }) : error;
  }
}
