import type { Node, Tensor } from "../graph/graph.ts";
import type { IntegerTensor } from "../graph/integer.ts";
import type { Codes } from "../numerics/pack.ts";

/** Pixels around a tensor that a kernel may read: top, left, bottom, right. */
export type Halo = readonly [top: number, left: number, bottom: number, right: number];
export const NO_HALO: Halo = [0, 0, 0, 0];

/** Rows of an input that output row y is made from: `count` rows from row `y * stride - above` on. */
export interface RowWindow {
  readonly stride: number;
  readonly count: number;
  readonly above: number;
}
/** Of ops that make each row from the same one of their inputs. */
export const SAME_ROW: RowWindow = { stride: 1, count: 1, above: 0 };

/** What an op's lowering sees: the node with its tensors in the order of its inputs and outputs. */
export interface Lowering<Attributes> {
  readonly node: Node<Attributes>;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly output: Tensor;
}

/** Work of one step, for limits and for the allocator. */
export interface Cost {
  readonly macs: number;
  readonly weightBytes: number;
}

/** Where an op writes its step record and its packed constants. */
export interface StepEncoder {
  /** Sets the i32 word at a byte offset of the record. */
  set(at: number, value: number): void;
  /** Appends an array to the weights section and returns its byte offset there. */
  constant(bytes: ArrayBufferView): number;
  /** Index in the plan of the step's inputs and output. */
  readonly inputs: readonly number[];
  readonly output: number;
}

/** Activations in the TypeScript meanings of an op: dense NHWC. */
export interface FloatValue {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * One op, declared once: everything else (lowering, planner, writer, reference, tests, docs) iterates over these.
 * `Parameters` is what `lower` makes and everything behind it reads; it holds integers only.
 */
export interface Op<Attributes = unknown, Parameters = unknown> {
  readonly name: string;
  /** Opcode of the step it becomes (assembly/abi.ts). */
  readonly opcode: number;
  /** Contract id in the step record, and the kernel names that serve it: left of `__` is the contract. */
  readonly contract: number;
  /** The contract of some parameters, where an op has several. */
  contractOf?(parameters: Parameters): number;
  readonly kernels: readonly string[];
  /** Bytes of the step record, and what every input adds to them where their number is free. */
  readonly stepBytes: number;
  readonly inputBytes?: number;
  /** How many activations come first among the inputs; what follows is constant or absent. Infinity: all are. */
  readonly activations: number;
  /** Whether input and output must have one scale and zero point, because codes are moved as they are. */
  readonly keepsScale?: boolean;
  /** The output's quantization where the op allows only one. */
  readonly outputAffine?: { readonly scale: number; readonly zeroPoint: number };
  /** Dimension of the weights (input 1) that runs over output channels, for ops that have weights. */
  readonly weightAxis?: number;
  /** Shape of the output in the graph's terms. Throws BAD_FILE where the inputs do not fit together. */
  shape(inputs: readonly (readonly number[])[], attributes: Attributes): readonly number[];
  /** Meaning in reals: the definition of correct. */
  float(inputs: readonly (FloatValue | undefined)[], attributes: Attributes): FloatValue;
  /**
   * The derivative in reals, transposed: what a loss's gradient in the output is in every input; undefined where an
   * input is absent. A fused activation is behind: `gradient` is that of its input. Left out where there is none.
   */
  gradient?(
    gradient: Float32Array,
    inputs: readonly (FloatValue | undefined)[],
    output: FloatValue,
    attributes: Attributes,
  ): readonly (Float32Array | undefined)[];
  /** Integer parameters; scales become dyadic numbers here and floats end. */
  lower(lowering: Lowering<Attributes>): Parameters;
  /** Meaning in integers, bit for bit: dense canonical codes in and out. */
  integer(inputs: readonly Codes[], parameters: Parameters, shapes: OpShapes): Codes;
  /** Pixels around input `index` that the kernels read. */
  halo?(parameters: Parameters, shapes: OpShapes): Halo;
  /** Where some output rows can be computed before others; undefined, or left out, where only all of them can. */
  rowWindow?(parameters: Parameters): RowWindow | undefined;
  /** Inputs whose bytes the output may take over, when the geometry of both is the same. */
  readonly inPlace: readonly number[];
  /** Largest scratch over all builds, in bytes. */
  scratchBytes?(parameters: Parameters, shapes: OpShapes): number;
  /** Whether the output is a state: `integer` gets its codes so far behind those of the inputs. */
  readonly intoState?: boolean;
  /** Inputs that are states, whose codes the op changes. */
  readonly stateInputs?: readonly number[];
  /** Whether inputs and the output may be packed below 8 bits, the kernels then running in parts (packed.ts). */
  readonly packed?: boolean;
  /** Where codes may have 16 bits: nowhere when absent. */
  readonly wide?: "output" | "everywhere";
  /** Sizes of scratch with which builds are faster, the best first; taken only where the arena has it to spare. */
  spareScratchBytes?(parameters: Parameters, shapes: OpShapes): readonly number[];
  cost(parameters: Parameters, shapes: OpShapes): Cost;
  encode(parameters: Parameters, step: StepEncoder): void;
}

export interface OpShapes {
  readonly inputs: readonly IntegerTensor[];
  readonly output: IntegerTensor;
}
