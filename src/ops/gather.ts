import { CONTRACT_A8, OP_RESIZE, RESIZE_BITS, RESIZE_STEP_BYTES } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { movedBack } from "./gradient.ts";
import type { Op } from "./op.ts";
import { encodeResize, type ResizeParameters, resizeCodes } from "./resize.ts";
import { requireSameQuantization } from "./view.ts";

interface GatherAttributes {
  /** 1 or 2: height or width of an input [1, h, w, c]. */
  readonly axis: number;
  readonly indices: readonly number[];
}

/** Rows or columns in the order of constant indices: a resize whose tables are given. */
export const gather: Op<GatherAttributes, ResizeParameters> = {
  name: "gather",
  opcode: OP_RESIZE,
  contract: CONTRACT_A8,
  kernels: ["resize_a8"],
  stepBytes: RESIZE_STEP_BYTES,
  activations: 1,
  keepsScale: true,
  inPlace: [],
  packed: true,
  wide: "everywhere",

  shape([x], { axis, indices }) {
    const inside = indices.every((index) => Number.isInteger(index) && index >= 0 && index < x![axis]!);
    if (x!.length === 4 && (axis === 1 || axis === 2) && indices.length > 0 && inside) {
      return x!.map((size, i) => (i === axis ? indices.length : size));
    }
    throw new DyadicError("BAD_FILE", "the indices do not fit the input", {
      expected: "an input [1, h, w, c], axis 1 or 2 and indices inside it",
      found: `axis ${axis} of [${x}], indices ${indices.slice(0, 8)}`,
    });
  },

  float([x], attributes) {
    const shape = this.shape([x!.shape], attributes);
    const [, height, width, channels] = shape as [number, number, number, number];
    const data = new Float32Array(height * width * channels);
    for (let i = 0; i < data.length; i++) {
      const place = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
      place[attributes.axis - 1] = attributes.indices[place[attributes.axis - 1]!]!;
      data[i] = x!.data[(place[0]! * x!.shape[2]! + place[1]!) * channels + (i % channels)]!;
    }
    return { shape, data };
  },
  gradient(gradient, [x], _, attributes) {
    return movedBack(gradient, [x!], (inputs) => this.float(inputs, attributes));
  },

  lower(lowering) {
    requireSameQuantization(lowering, "gather");
    const { axis, indices } = lowering.node.attributes;
    const [, height, width] = lowering.inputs[0]!.shape as [number, number, number];
    const table = (own: number, size: number) =>
      Int32Array.from(own === axis ? indices : Array(size).keys(), (index) => index << RESIZE_BITS);
    return { rows: table(1, height), columns: table(2, width) };
  },

  integer: ([x], parameters, shapes) => resizeCodes(x!, parameters, shapes),
  cost: (_, { output }) => ({ macs: 0, weightBytes: 4 * (output.shape[0] + output.shape[1]) }),
  encode: encodeResize,
};
