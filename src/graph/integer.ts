import type { ActivationBits } from "../numerics/pack.ts";
import type { Border, Shape, State } from "./graph.ts";

/** An activation of the integer network: signed codes, affine per tensor. */
export interface IntegerTensor {
  readonly name: string;
  readonly shape: Shape;
  /** Kept for the host's conversions at the border and for people; no kernel reads it. */
  readonly scale: number;
  readonly zeroPoint: number;
  /** Codes of real 0 by channel, where a model input has several; `zeroPoint` is then what the host sees. */
  readonly zeroPoints?: Int8Array;
  /** Bits of a code in the arena; 8 when absent. */
  readonly bits?: ActivationBits;
}

export function bitsOf({ bits = 8 }: Pick<IntegerTensor, "bits">): ActivationBits {
  return bits;
}

/** One engine step before it is placed: the op's own integer parameters, no float left in them. */
export interface IntegerNode<Parameters = unknown> {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly number[];
  readonly output: number;
  readonly parameters: Parameters;
}

/** What `lower` makes of a graph: activations only (weights live in the parameters), nodes in execution order. */
export interface IntegerGraph {
  readonly name: string;
  readonly tensors: readonly IntegerTensor[];
  readonly nodes: readonly IntegerNode[];
  readonly inputs: readonly Border[];
  readonly outputs: readonly Border[];
  readonly states: readonly State[];
}

/** The tensors that a node reads and writes. */
export function shapesOf({ tensors }: IntegerGraph, { inputs, output }: IntegerNode) {
  return { inputs: inputs.map((input) => tensors[input]!), output: tensors[output]! };
}

/** Text form: one line a node, arrays by length and checksum. The golden form of `--stage lower`. */
export function dumpIntegerGraph(graph: IntegerGraph): string {
  const value = (index: number) => {
    const tensor = graph.tensors[index];
    const width = tensor?.bits === undefined ? "" : ` a${tensor.bits}`;
    return tensor ? `%${index}[${tensor.shape.join("x")} z=${tensor.zeroPoint}${width}]` : "-";
  };
  const lines = [`integer graph ${graph.name}`];
  for (const node of graph.nodes) {
    lines.push(`  ${value(node.output)} = ${node.op}(${node.inputs.map(value).join(", ")})  # ${node.name}`);
    lines.push(`      ${JSON.stringify(node.parameters, summary)}`);
  }
  return `${lines.join("\n")}\n`;
}

function summary(_key: string, value: unknown): unknown {
  if (!ArrayBuffer.isView(value)) return value;
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  let hash = 0x811c9dc5; // FNV-1a, 32 bits: a fingerprint for reading diffs, not for security
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${value.constructor.name} ${bytes.length} bytes ${(hash >>> 0).toString(16).padStart(8, "0")}`;
}
