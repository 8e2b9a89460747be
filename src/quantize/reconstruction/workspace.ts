import { DyadicError } from "../../error.ts";
import type { Binding } from "../../float/binding.ts";
import type { CalibratorExports } from "../../float/calibrator.ts";
import { elements, type Graph, type Node, type Tensor } from "../../graph/graph.ts";
import { realsOf } from "../../graph/reals.ts";
import { opNamed } from "../../ops/index.ts";
import { activationsOf, type Unit } from "./unit.ts";

/** Bytes behind an array that kernels may read. */
const SLACK = 64;

/** Where an activation of a unit lies in the module's memory. */
export interface Place {
  readonly elements: number;
  /** What its node computed, before it is clamped and rounded; the value itself where codes are only moved. */
  readonly raw: number;
  readonly value: number;
  /** dL/dvalue; 0 for the unit's input, which has none. */
  readonly gradient: number;
}

/** The memory of one unit's tape: every activation, its gradient, constants and scratch, none of them shared. */
export class Workspace {
  readonly wasm: CalibratorExports;
  readonly graph: Graph;
  /** The same graph quantized, node for node. */
  readonly base: Graph;
  private readonly places = new Map<number, Place>();
  private readonly written = new Set<Place>();
  private readonly pending: [address: number, values: Float32Array][] = [];
  private end: number;

  constructor(wasm: CalibratorExports, graph: Graph, base: Graph, unit: Unit) {
    this.wasm = wasm;
    this.graph = graph;
    this.base = base;
    this.end = wasm.heap_base();
    this.add(unit.input, false, false);
    for (const node of unit.nodes) this.add(node.outputs[0]!, true, !opNamed(node.op).keepsScale);
  }

  place(tensor: number): Place {
    return this.places.get(tensor)!;
  }

  /** Address of so many floats; zeros when the tape starts. */
  allocate(floats: number): number {
    const address = this.end;
    this.end += Math.ceil((floats * 4 + SLACK) / 16) * 16;
    return address;
  }

  /** Values that an address has from the start. */
  initial(address: number, values: Float32Array): void {
    this.pending.push([address, values]);
  }

  /** Makes the memory; addresses are valid from here on. Throws OUT_OF_MEMORY. */
  reserve(): void {
    if (this.end >= 2 ** 32 || this.wasm.reserve(this.end) === 0) {
      throw new DyadicError("OUT_OF_MEMORY", "a unit does not fit in memory", {
        found: `${this.end} bytes`,
        hint: "reconstruct in smaller units, or not at all",
      });
    }
    for (const [address, values] of this.pending) this.write(address, values);
  }

  view(address: number, floats: number): Float32Array {
    return new Float32Array(this.wasm.memory.buffer, address, floats);
  }

  write(address: number, values: Float32Array): void {
    this.view(address, values.length).set(values);
  }

  /** Before a walk backwards: no gradient has been written yet. */
  forgetGradients(): void {
    this.written.clear();
  }

  /** Adds to a gradient, or starts it. */
  addGradient(to: Place, from: number): void {
    const { wasm, written } = this;
    const bytes = to.elements * 4;
    if (written.has(to)) wasm.add(to.gradient, from, to.gradient, to.elements, -Infinity, Infinity);
    else wasm.copy_blocks(from, to.gradient, 1, 1, bytes, 0, bytes, 0, bytes);
    written.add(to);
  }

  /** What a kernel needs of a node; constants are those of the quantized graph. */
  binding(node: Node, base: Node): Binding {
    const { wasm, graph } = this;
    const constant = (index: number): Tensor | undefined => this.base.tensors[base.inputs[index] ?? -1];
    return {
      wasm,
      node: { ...node, attributes: { ...(node.attributes as object), activation: "none" } },
      inputs: node.inputs.map((input) => graph.tensors[input]),
      output: graph.tensors[node.outputs[0]!]!,
      from: activationsOf(node, graph).map((tensor) => this.place(tensor).value),
      to: this.place(node.outputs[0]!).raw,
      reals: (index) => (constant(index)?.data === undefined ? undefined : realsOf(constant(index)!)),
      constant: (values) => {
        const address = this.allocate(values.length);
        this.initial(address, values);
        return address;
      },
      scratch: () => {},
    };
  }

  private add(tensor: number, hasGradient: boolean, isRounded: boolean): void {
    const size = elements(this.graph.tensors[tensor]!.shape);
    const value = this.allocate(size);
    const raw = isRounded ? this.allocate(size) : value;
    this.places.set(tensor, { elements: size, raw, value, gradient: hasGradient ? this.allocate(size) : 0 });
  }
}
