import type { Node, Tensor } from "../graph/graph.ts";
import { type Activation, activationBounds } from "../ops/activation.ts";
import type { CalibratorExports } from "./calibrator.ts";

/** One step of the network; `scratch` is the address of the bytes that it asked for. */
export type Step = (scratch: number) => void;

/** What an entry sees of its node, and what it may ask for. */
export interface Binding {
  readonly wasm: CalibratorExports;
  readonly node: Node;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly output: Tensor;
  /** Addresses of the inputs that are activations, and of the output. */
  readonly from: readonly number[];
  readonly to: number;
  /** The real values of a constant input; undefined where it is absent. */
  reals(input: number): Float32Array | undefined;
  /** Copies values into the module for good and returns their address. */
  constant(values: Float32Array): number;
  /** Asks for scratch bytes. */
  scratch(bytes: number): void;
}

/** Makes the wasm step of a node, or declines: then its definition runs. */
export type Binder = (binding: Binding) => Step | undefined;

export type Image = readonly [batch: number, height: number, width: number, channels: number];

/** What a node's fused activation clamps to; undefined where it is no clamp. */
export function boundsOf(node: Node): readonly [low: number, high: number] | undefined {
  return activationBounds((node.attributes as { activation: Activation }).activation);
}
