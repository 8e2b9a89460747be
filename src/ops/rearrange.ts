// Space to depth and depth to space: inverse to each other.
import {
  CONTRACT_A8,
  OP_DEPTH_TO_SPACE,
  OP_SPACE_TO_DEPTH,
  REARRANGE_BLOCK,
  REARRANGE_STEP_BYTES,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf } from "../graph/integer.ts";
import { type Codes, codesOf } from "../numerics/pack.ts";
import { movedBack } from "./gradient.ts";
import type { Op } from "./op.ts";
import { requireSameQuantization } from "./view.ts";

interface RearrangeAttributes {
  /** Side of the square of pixels that becomes one deep pixel, row by row, or comes from one. */
  readonly block: number;
}

/** For every element of the wide tensor [h, w, c] in its order, the index in the deep one. */
function deepIndices(height: number, width: number, channels: number, block: number): Int32Array {
  return Int32Array.from({ length: height * width * channels }, (_, i) => {
    const [c, x, y] = [i % channels, Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    const pixel = Math.floor(y / block) * (width / block) + Math.floor(x / block);
    return (pixel * block * block + (y % block) * block + (x % block)) * channels + c;
  });
}

function rearrange(
  name: string,
  opcode: number,
  toDepth: boolean,
): Op<RearrangeAttributes, RearrangeAttributes> {
  const move = <T extends Codes | Float32Array>(x: T, wide: readonly number[], block: number, y: T): T => {
    deepIndices(wide[0]!, wide[1]!, wide[2]!, block).forEach((deep, i) => {
      if (toDepth) y[deep] = x[i]!;
      else y[i] = x[deep]!;
    });
    return y;
  };
  return {
    name,
    opcode,
    contract: CONTRACT_A8,
    kernels: ["rearrange_a8"],
    stepBytes: REARRANGE_STEP_BYTES,
    activations: 1,
    keepsScale: true,
    inPlace: [],
    packed: true,
    wide: "everywhere",

    shape([x], { block }) {
      const [, height = 0, width = 0, channels = 0] = x!;
      const shape = toDepth
        ? [1, height / block, width / block, channels * block * block]
        : [1, height * block, width * block, channels / (block * block)];
      if (x!.length === 4 && shape.every(Number.isInteger)) return shape;
      throw new DyadicError("BAD_FILE", "the block does not divide the input", {
        expected: `an input [1, h, w, c] divisible by ${block}`,
        found: `[${x}]`,
      });
    },

    float([x], attributes) {
      const shape = this.shape([x!.shape], attributes);
      const wide = (toDepth ? x!.shape : shape).slice(1);
      return { shape, data: move(x!.data, wide, attributes.block, new Float32Array(x!.data.length)) };
    },
    gradient(gradient, [x], _, attributes) {
      return movedBack(gradient, [x!], (inputs) => this.float(inputs, attributes));
    },

    lower(lowering) {
      requireSameQuantization(lowering, name);
      return { block: lowering.node.attributes.block };
    },

    integer: ([x], { block }, { inputs, output }) =>
      move(x!, toDepth ? inputs[0]!.shape : output.shape, block, codesOf(x!.length, bitsOf(output))),
    cost: () => ({ macs: 0, weightBytes: 0 }),
    encode: ({ block }, step) => step.set(REARRANGE_BLOCK, block),
  };
}

/** Squares of pixels become channels. */
export const spaceToDepth = rearrange("spaceToDepth", OP_SPACE_TO_DEPTH, true);
/** Channels become squares of pixels. */
export const depthToSpace = rearrange("depthToSpace", OP_DEPTH_TO_SPACE, false);
