import {
  CONTRACT_A8,
  OP_PAD,
  PAD_CHANNEL,
  PAD_FILL,
  PAD_LEFT,
  PAD_STEP_BYTES,
  PAD_STRIDE_H,
  PAD_STRIDE_W,
  PAD_TOP,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf } from "../graph/integer.ts";
import { quantizeValue } from "../numerics/affine.ts";
import { activationRange, type Codes, codesOf } from "../numerics/pack.ts";
import { affineOf } from "./affine.ts";
import { movedBack } from "./gradient.ts";
import { type Halo, type Op, SAME_ROW } from "./op.ts";

export interface PadAttributes {
  readonly padding: Halo;
  readonly channels: readonly [before: number, after: number];
  /** Distance in the output between neighbouring pixels of the input: zeros between them; [1, 1] when absent. */
  readonly stride?: readonly [height: number, width: number];
  /** The real value around and between the input's elements; 0 when absent. */
  readonly value?: number;
}

interface PadParameters extends PadAttributes {
  readonly fill: number;
}

function paddedShape(x: readonly number[], { padding, channels, stride = [1, 1] }: PadAttributes): number[] {
  if (x.length !== 4) {
    throw new DyadicError("BAD_FILE", "pad takes an input [1, h, w, c]", { found: `[${x}]` });
  }
  const [top, left, bottom, right] = padding;
  const extent = (axis: 1 | 2) => (x[axis]! - 1) * stride[axis - 1]! + 1;
  return [1, extent(1) + top + bottom, extent(2) + left + right, x[3]! + channels[0] + channels[1]];
}

/** Copies `x` (dense NHWC) into `data`, which already holds the fill, at the place the attributes give. */
function place<T extends Codes | Float32Array>(
  x: T,
  shape: readonly number[],
  data: T,
  attributes: PadAttributes,
): T {
  const [height, width, channels] = shape as [number, number, number];
  const [down, across] = attributes.stride ?? [1, 1];
  const [, , outWidth, outChannels] = paddedShape([1, ...shape], attributes) as [
    number,
    number,
    number,
    number,
  ];
  for (let pixel = 0; pixel < height * width; pixel++) {
    const y = Math.floor(pixel / width) * down + attributes.padding[0];
    const at =
      (y * outWidth + (pixel % width) * across + attributes.padding[1]) * outChannels +
      attributes.channels[0];
    data.set(x.subarray(pixel * channels, (pixel + 1) * channels), at);
  }
  return data;
}

/** Surrounds the input with 0 or another real value in height, width and channels, and spreads its pixels apart; input and output share scale and zero point. */
export const pad: Op<PadAttributes, PadParameters> = {
  name: "pad",
  opcode: OP_PAD,
  contract: CONTRACT_A8,
  kernels: ["pad_a8"],
  stepBytes: PAD_STEP_BYTES,
  activations: 1,
  /** Only where it copies: what lies around a picture is no row of it. */
  rowWindow: ({ padding, channels, stride = [1, 1] }) =>
    [...padding, ...channels, stride[0] - 1, stride[1] - 1].some((size) => size > 0) ? undefined : SAME_ROW,
  inPlace: [],
  packed: true,
  wide: "everywhere",
  keepsScale: true,

  shape: ([x], attributes) => paddedShape(x!, attributes),

  float([x], attributes) {
    const shape = paddedShape(x!.shape, attributes);
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(attributes.value ?? 0);
    return { shape, data: place(x!.data, x!.shape.slice(1), data, attributes) };
  },
  gradient(gradient, [x], _, attributes) {
    return movedBack(gradient, [x!], (inputs) => this.float(inputs, { ...attributes, value: 0 }));
  },

  lower({ node, inputs, output }) {
    const from = affineOf(inputs[0]!, "the input");
    const to = affineOf(output, "the output");
    if (from.scale !== to.scale || from.zeroPoint !== to.zeroPoint || from.bits !== to.bits) {
      throw new DyadicError("UNSUPPORTED_OP", "pad changes the scale", {
        expected: "one scale and zero point for input and output",
      });
    }
    const { padding, channels, stride = [1, 1], value = 0 } = node.attributes;
    const fill = quantizeValue(value, to.scale, to.zeroPoint, ...activationRange(to.bits));
    return { padding, channels, stride, fill };
  },

  integer([x], parameters, { inputs, output }) {
    const [height, width, channels] = output.shape;
    const data = codesOf(height * width * channels, bitsOf(output)).fill(parameters.fill);
    return place(x!, inputs[0]!.shape, data, parameters);
  },

  cost: () => ({ macs: 0, weightBytes: 0 }),

  encode({ padding, channels, stride = [1, 1], fill }, step) {
    step.set(PAD_FILL, fill);
    step.set(PAD_STRIDE_H, stride[0]);
    step.set(PAD_STRIDE_W, stride[1]);
    step.set(PAD_TOP, padding[0]);
    step.set(PAD_LEFT, padding[1]);
    step.set(PAD_CHANNEL, channels[0]);
  },
};
