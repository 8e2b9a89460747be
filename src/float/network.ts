import { DyadicError } from "../error.ts";
import { elements, type Graph, type Node, validateGraph } from "../graph/graph.ts";
import { realsOf } from "../graph/reals.ts";
import { opNamed } from "../ops/index.ts";
import { placeActivations } from "./arena.ts";
import type { Step } from "./binding.ts";
import { type CalibratorExports, instantiateCalibrator } from "./calibrator.ts";
import { bindKernel } from "./kernels.ts";

/** Called with every activation as soon as it is known; `values` is valid during the call only, and is not to be written. */
export type Visit = (tensor: number, values: Float32Array) => void;

/**
 * A float graph laid out in an instance of calibrator.wasm. The values of a run do not depend on the host, nor on
 * what ran before. Ops that the module has no kernel for run as their definition.
 */
export class FloatNetwork {
  readonly graph: Graph;
  private readonly wasm: CalibratorExports;
  private readonly addresses: readonly number[];
  private readonly steps: readonly Step[];
  private readonly scratch: number;

  private constructor(
    graph: Graph,
    wasm: CalibratorExports,
    addresses: readonly number[],
    steps: readonly Step[],
    scratch: number,
  ) {
    this.graph = graph;
    this.wasm = wasm;
    this.addresses = addresses;
    this.steps = steps;
    this.scratch = scratch;
  }

  /**
   * Lays out a graph whose activations are float32; constants may be codes with a scale.
   * Throws BAD_ARGUMENT for quantized activations, OUT_OF_MEMORY, and what the ops say of shapes, naming the node.
   *
   * @param module assembly/build/calibrator.wasm, compiled
   */
  static async create(graph: Graph, module: WebAssembly.Module): Promise<FloatNetwork> {
    validateGraph(graph);
    refuseQuantized(graph);
    const layout = new Layout(graph, await instantiateCalibrator(module));
    const steps = graph.nodes.map((node) => located(node, () => layout.bind(node)));
    return new FloatNetwork(graph, layout.wasm, layout.addresses, steps, layout.finish());
  }

  /** Bytes of the module's memory: constants, activations and scratch. */
  get memoryBytes(): number {
    return this.wasm.memory.buffer.byteLength;
  }

  /**
   * Runs one sample.
   *
   * @param inputs dense NHWC values of every model input, in the order of `graph.inputs`
   * @param visit sees the inputs and every node's output
   * @returns copies of the model outputs, in the order of `graph.outputs`
   * Throws BAD_INPUT where an input is missing or has the wrong size.
   */
  run(inputs: readonly Float32Array[], visit?: Visit): Float32Array[] {
    const { graph, steps, scratch } = this;
    graph.inputs.forEach(({ tensor, name }, i) => {
      const target = this.values(tensor);
      const source = inputs[i];
      if (source?.length !== target.length) {
        throw new DyadicError("BAD_INPUT", `input "${name}" has the wrong size`, {
          expected: `${target.length} values for [${graph.tensors[tensor]!.shape.join(", ")}]`,
          found: source === undefined ? "nothing" : `${source.length}`,
        });
      }
      target.set(source);
      visit?.(tensor, target);
    });
    graph.nodes.forEach((node, k) => {
      steps[k]!(scratch);
      for (const output of node.outputs) visit?.(output, this.values(output));
    });
    return graph.outputs.map(({ tensor }) => this.values(tensor).slice());
  }

  private values(tensor: number): Float32Array {
    const { data, shape } = this.graph.tensors[tensor]!;
    if (data instanceof Float32Array) return data;
    return new Float32Array(this.wasm.memory.buffer, this.addresses[tensor]!, elements(shape));
  }
}

/** Bytes of the module from its heap on: activations, then constants in the order they come, then scratch. */
class Layout {
  readonly wasm: CalibratorExports;
  readonly addresses: readonly number[];
  private readonly graph: Graph;
  private readonly constants = new Map<number, Float32Array>();
  private end: number;
  private scratchBytes = 0;

  constructor(graph: Graph, wasm: CalibratorExports) {
    const { offsets, bytes } = placeActivations(graph);
    const base = wasm.heap_base();
    this.graph = graph;
    this.wasm = wasm;
    this.end = base + bytes;
    this.addresses = offsets.map((offset, tensor) => {
      const { data } = graph.tensors[tensor]!;
      return data instanceof Float32Array ? -1 : base + offset;
    });
  }

  /** The step of a node: a kernel, or the op's definition. */
  bind(node: Node): Step {
    const { graph, addresses } = this;
    const inputs = node.inputs.map((input) => graph.tensors[input]);
    const op = opNamed(node.op);
    const shapes = inputs.map((input) => input?.shape ?? []);
    const output = node.outputs[0]!;
    const shape = op.shape(shapes, node.attributes);
    if (node.outputs.length !== 1 || shape.join() !== graph.tensors[output]!.shape.join()) {
      throw new DyadicError("BAD_FILE", "the file declares another output", {
        expected: `[${shape.join(", ")}]`,
        found: node.outputs.map((index) => `[${graph.tensors[index]!.shape.join(", ")}]`).join(", "),
      });
    }
    // A reshape's output is the buffer it reads.
    if (node.op === "reshape" && inputs[0]!.data === undefined) return () => {};
    const activations = node.inputs.slice(0, op.activations);
    const kernel = bindKernel({
      wasm: this.wasm,
      node,
      inputs,
      output: graph.tensors[output]!,
      from: activations.map((input) => this.source(input)),
      to: addresses[output]!,
      reals: (input) => (inputs[input]?.data === undefined ? undefined : realsOf(inputs[input])),
      constant: (values) => this.constant(values),
      scratch: (bytes) => {
        this.scratchBytes = Math.max(this.scratchBytes, bytes);
      },
    });
    return kernel ?? this.definition(node);
  }

  /** Reserves the memory and writes the constants; returns the address of the scratch. */
  finish(): number {
    const bytes = this.end + this.scratchBytes;
    if (bytes >= 2 ** 32 || this.wasm.reserve(bytes) === 0) {
      throw new DyadicError(
        "OUT_OF_MEMORY",
        `the float network "${this.graph.name}" does not fit in memory`,
        {
          found: `${bytes} bytes`,
        },
      );
    }
    for (const [address, values] of this.constants) {
      new Float32Array(this.wasm.memory.buffer, address, values.length).set(values);
    }
    this.constants.clear();
    return this.end;
  }

  /** Address of an operand: an activation's own, or that of a copy of a constant. */
  private source(input: number): number {
    const tensor = this.graph.tensors[input];
    return tensor?.data === undefined ? (this.addresses[input] ?? -1) : this.constant(realsOf(tensor));
  }

  private constant(values: Float32Array): number {
    const address = this.end;
    this.constants.set(address, values);
    this.end += Math.ceil(values.byteLength / 16) * 16;
    return address;
  }

  private definition(node: Node): Step {
    const { graph, addresses, wasm } = this;
    const op = opNamed(node.op);
    const output = node.outputs[0]!;
    const constants = node.inputs.map((input) => {
      const tensor = graph.tensors[input];
      return tensor?.data === undefined ? undefined : realsOf(tensor);
    });
    return () => {
      const inputs = node.inputs.map((input, i) => {
        const tensor = graph.tensors[input];
        if (tensor === undefined) return undefined;
        const { shape } = tensor;
        const view = () => new Float32Array(wasm.memory.buffer, addresses[input]!, elements(shape));
        return { shape, data: constants[i] ?? view() };
      });
      const { data } = op.float(inputs, node.attributes);
      new Float32Array(wasm.memory.buffer, addresses[output]!, data.length).set(data);
    };
  }
}

function refuseQuantized(graph: Graph): void {
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

function located<T>(node: Node, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ node: node.name, op: node.op }) : error;
  }
}
