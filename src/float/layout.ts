import { DyadicError } from "../error.ts";
import { elements, type Graph, type Node } from "../graph/graph.ts";
import { realsOf } from "../graph/reals.ts";
import { opNamed } from "../ops/index.ts";
import type { FloatValue } from "../ops/op.ts";
import { placeActivations, SLACK } from "./arena.ts";
import type { Binding, Step } from "./binding.ts";
import type { CalibratorExports } from "./calibrator.ts";
import { decodeInto, type FloatInput } from "./codes.ts";
import { bindKernel } from "./kernels.ts";

/** Bytes of the module from its heap on: activations, then constants in the order they come, then scratch. */
export class Layout {
  readonly graph: Graph;
  readonly wasm: CalibratorExports;
  /** Of every activation; -1 for constants. */
  readonly addresses: readonly number[];
  /** Bytes of all activations together. */
  readonly activationBytes: number;
  /** Values of the constants that were asked for, or set in place of the graph's own. */
  private readonly known = new Map<number, Float32Array>();
  /** By binding: the addresses of its constants in the order it asks for them, so that it can be made again. */
  private readonly slots = new Map<unknown, number[]>();
  /** What `finish` writes. */
  private readonly constants = new Map<number, Float32Array>();
  private readonly keep: boolean;
  private end: number;
  private scratchBytes = 0;
  private finished = false;

  /** With `keep` every activation has bytes of its own and stays valid until the next run. */
  constructor(graph: Graph, wasm: CalibratorExports, keep = false) {
    const { offsets, bytes } = placeActivations(graph, keep);
    this.keep = keep;
    this.activationBytes = bytes;
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
    const { graph } = this;
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
    if (!this.keep && node.op === "reshape" && inputs[0]!.data === undefined) return () => {};
    return bindKernel(this.binding(node, node)) ?? this.definition(node);
  }

  /**
   * What a binder sees of a node.
   *
   * @param key whose constants these are; asked for again, they lie where they lay
   */
  binding(node: Node, key: unknown): Binding {
    const { graph, addresses, wasm } = this;
    const slots = this.slots.get(key) ?? [];
    this.slots.set(key, slots);
    let next = 0;
    return {
      wasm,
      node,
      inputs: node.inputs.map((input) => graph.tensors[input]),
      output: graph.tensors[node.outputs[0]!]!,
      from: node.inputs
        .slice(0, opNamed(node.op).activations)
        .map((input) => addresses[input] ?? -1)
        .map((address, i) => (address < 0 ? this.operand(node.inputs[i]!) : address)),
      to: addresses[node.outputs[0]!]!,
      reals: (input) => this.reals(node.inputs[input]!),
      constant: (values) => {
        slots[next] ??= this.reserve(values.byteLength);
        const address = slots[next++]!;
        this.write(address, values);
        return address;
      },
      scratch: (bytes) => {
        this.scratchBytes = Math.max(this.scratchBytes, bytes);
      },
    };
  }

  /** The values of a constant; undefined for activations and absent inputs. */
  reals(tensor: number): Float32Array | undefined {
    const own = this.graph.tensors[tensor];
    if (own?.data === undefined) return undefined;
    const values = this.known.get(tensor) ?? realsOf(own);
    this.known.set(tensor, values);
    return values;
  }

  /** Sets a constant; the nodes that read it must be bound again. */
  change(tensor: number, values: Float32Array): void {
    this.known.set(tensor, values);
  }

  /** Bytes that nothing else takes, and 32 behind them that may be read. */
  reserve(bytes: number): number {
    const address = this.end;
    this.end += Math.ceil((bytes + SLACK) / 16) * 16;
    return address;
  }

  /** A view of an activation, or a constant's values. */
  values(tensor: number): Float32Array {
    const constant = this.reals(tensor);
    return constant ?? this.view(this.addresses[tensor]!, elements(this.graph.tensors[tensor]!.shape));
  }

  view(address: number, length: number): Float32Array {
    return new Float32Array(this.wasm.memory.buffer, address, length);
  }

  /** Throws BAD_INPUT where an input is missing or has the wrong size. */
  setInputs(inputs: readonly FloatInput[]): void {
    this.graph.inputs.forEach(({ tensor, name }, i) => {
      const [target, source] = [this.values(tensor), inputs[i]];
      const length = source !== undefined && "codes" in source ? source.codes.length : source?.length;
      if (length !== target.length) {
        throw new DyadicError("BAD_INPUT", `input "${name}" has the wrong size`, {
          expected: `${target.length} values for [${this.graph.tensors[tensor]!.shape.join(", ")}]`,
          found: length === undefined ? "nothing" : `${length}`,
        });
      }
      if ("codes" in source!) decodeInto(this.wasm, target, source);
      else target.set(source!);
    });
  }

  /** Reserves the memory and writes the constants; returns the address of the scratch. */
  finish(): number {
    this.behind(0);
    this.finished = true;
    for (const [address, values] of this.constants) this.write(address, values);
    this.constants.clear();
    return this.end;
  }

  /** Bytes behind the scratch; throws OUT_OF_MEMORY. */
  behind(bytes: number): number {
    const address = Math.ceil((this.end + this.scratchBytes) / 16) * 16;
    if (address + bytes >= 2 ** 32 || this.wasm.reserve(address + bytes) === 0) {
      throw new DyadicError(
        "OUT_OF_MEMORY",
        `the float network "${this.graph.name}" does not fit in memory`,
        { found: `${address + bytes} bytes` },
      );
    }
    return address;
  }

  private write(address: number, values: Float32Array): void {
    if (this.finished) this.view(address, values.length).set(values);
    else this.constants.set(address, values);
  }

  /** Address of a copy of a constant that takes an activation's place. */
  private operand(tensor: number): number {
    const values = this.reals(tensor);
    if (values === undefined) return -1;
    const slots = this.slots.get(tensor) ?? [this.reserve(values.byteLength)];
    this.slots.set(tensor, slots);
    this.write(slots[0]!, values);
    return slots[0]!;
  }

  private definition(node: Node): Step {
    const op = opNamed(node.op);
    return () => {
      const { data } = op.float(this.operands(node), node.attributes);
      this.values(node.outputs[0]!).set(data);
    };
  }

  /** The node's inputs as its definition sees them. */
  operands(node: Node): (FloatValue | undefined)[] {
    return node.inputs.map((input) => {
      const tensor = this.graph.tensors[input];
      return tensor && { shape: tensor.shape, data: this.values(input) };
    });
  }
}
