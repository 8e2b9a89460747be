import {
  CONTRACT_A8,
  OP_RESIZE,
  RESIZE_BITS,
  RESIZE_COLUMNS_AT,
  RESIZE_ROWS_AT,
  RESIZE_STEP_BYTES,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf } from "../graph/integer.ts";
import { type Codes, codesOf } from "../numerics/pack.ts";
import { affineOf } from "./affine.ts";
import type { Op, OpShapes, StepEncoder } from "./op.ts";
import { requireSameQuantization } from "./view.ts";

interface ResizeAttributes {
  readonly mode: "nearest" | "bilinear";
  readonly size: readonly [height: number, width: number];
  /** The corners' centres of input and output coincide. */
  readonly alignCorners: boolean;
  /** A pixel's value is that of its centre, half a pixel from its corner. */
  readonly halfPixelCenters: boolean;
  /** Bilinear positions: exact, or by TensorFlow Lite's integer kernel's scale of 10 bits. Exact when absent. */
  readonly positions?: "exact" | "tenBits";
  /** How ONNX makes a position the nearest pixel; when absent, as TensorFlow Lite does. */
  readonly rounding?: "floor" | "ceil" | "round_prefer_floor" | "round_prefer_ceil";
}

/** By output row and column: input row << 10 | weight of the next one, in 1/1024. */
export interface ResizeParameters {
  readonly rows: Int32Array;
  readonly columns: Int32Array;
}

const ONE = 2 ** RESIZE_BITS;

const ROUNDINGS = {
  floor: Math.floor,
  ceil: Math.ceil,
  round_prefer_floor: (position: number) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position: number) => Math.floor(position + 0.5),
};

/** Where the output's elements lie on one axis of the input, in reals; between 0 and `from` - 1. */
function positions(from: number, to: number, attributes: ResizeAttributes): number[] {
  const { mode, alignCorners, halfPixelCenters: half, rounding } = attributes;
  const scale = alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
  const inside = (position: number) => Math.min(from - 1, Math.max(0, position));
  return Array.from({ length: to }, (_, i) => {
    const exact = half ? (i + 0.5) * scale - 0.5 : i * scale;
    if (mode === "bilinear") return inside(exact);
    if (rounding !== undefined) return inside(ROUNDINGS[rounding](exact));
    const position = (i + (half ? 0.5 : 0)) * Math.fround(scale);
    return inside(Math.floor(alignCorners ? position + 0.5 : position));
  });
}

/** The same as TensorFlow Lite's integer kernel has it: the scale rounded to 1/1024 first. */
function tenBitPositions(from: number, to: number, attributes: ResizeAttributes): number[] {
  const { alignCorners, halfPixelCenters: half } = attributes;
  const scale =
    alignCorners && to > 1
      ? Math.floor((ONE * (from - 1) + Math.floor((to - 1) / 2)) / (to - 1))
      : Math.floor((ONE * from + Math.floor(to / 2)) / to);
  return Array.from({ length: to }, (_, i) => {
    const position = half ? i * scale + Math.floor(scale / 2) - ONE / 2 : i * scale;
    return Math.min(from - 1, Math.max(0, position / ONE));
  });
}

function table(from: number, to: number, attributes: ResizeAttributes): Int32Array {
  const rounded = attributes.mode === "bilinear" && attributes.positions === "tenBits";
  const real = (rounded ? tenBitPositions : positions)(from, to, attributes);
  return Int32Array.from(real, (position) => Math.floor(position * ONE + 0.5));
}

/** Four weighted neighbours of every output pixel; `value` makes the weighted sum an element. */
function interpolate<T extends Codes | Float32Array>(
  x: T,
  [, width, channels]: readonly number[],
  { rows, columns }: ResizeParameters,
  output: T,
  value: (sum: number) => number,
): T {
  let at = 0;
  for (const row of rows) {
    for (const column of columns) {
      const [y, below, left, right] = [row >> RESIZE_BITS, row % ONE, column >> RESIZE_BITS, column % ONE];
      const corner = (y * width! + left) * channels!;
      const [toRight, toBelow] = [right > 0 ? channels! : 0, below > 0 ? width! * channels! : 0];
      for (let c = 0; c < channels!; c++) {
        const a = corner + c;
        const top = x[a]! * (ONE - right) + x[a + toRight]! * right;
        const bottom = x[a + toBelow]! * (ONE - right) + x[a + toBelow + toRight]! * right;
        output[at++] = value(top * (ONE - below) + bottom * below);
      }
    }
  }
  return output;
}

/** The gradient of `interpolate`: every neighbour gets its weight of what the output has. */
function spread(
  gradient: Float32Array,
  shape: readonly number[],
  { rows, columns }: ResizeParameters,
): Float32Array {
  const [height, width, channels] = shape as [number, number, number];
  const sums = new Float64Array(height * width * channels);
  const give = (y: number, x: number, pixel: number, weight: number) => {
    if (weight === 0) return;
    const [to, from] = [(y * width + x) * channels, pixel * channels];
    for (let c = 0; c < channels; c++) sums[to + c]! += (gradient[from + c]! * weight) / (ONE * ONE);
  };
  rows.forEach((row, i) => {
    columns.forEach((column, j) => {
      const [y, below, x, right] = [row >> RESIZE_BITS, row % ONE, column >> RESIZE_BITS, column % ONE];
      const pixel = i * columns.length + j;
      give(y, x, pixel, (ONE - below) * (ONE - right));
      give(y, x + 1, pixel, (ONE - below) * right);
      give(y + 1, x, pixel, below * (ONE - right));
      give(y + 1, x + 1, pixel, below * right);
    });
  });
  return Float32Array.from(sums);
}

function exactTables(x: readonly number[], attributes: ResizeAttributes): ResizeParameters {
  const exact = { ...attributes, positions: "exact" } as const;
  return { rows: table(x[1]!, attributes.size[0], exact), columns: table(x[2]!, attributes.size[1], exact) };
}

export function encodeResize({ rows, columns }: ResizeParameters, step: StepEncoder): void {
  step.set(RESIZE_ROWS_AT, step.constant(rows));
  step.set(RESIZE_COLUMNS_AT, step.constant(columns));
}

/** Integer meaning of resize and gather: weights in 1/1024 squared, half up. */
export function resizeCodes(x: Codes, parameters: ResizeParameters, { inputs, output }: OpShapes): Codes {
  const size = output.shape.reduce((a, b) => a * b, 1);
  const room = codesOf(size, bitsOf(output));
  const value = (sum: number) => Math.floor((sum + (ONE * ONE) / 2) / (ONE * ONE));
  return interpolate(x, inputs[0]!.shape, parameters, room, value);
}

/** Another height and width, by the nearest pixel or by bilinear interpolation. */
export const resize: Op<ResizeAttributes, ResizeParameters> = {
  name: "resize",
  opcode: OP_RESIZE,
  contract: CONTRACT_A8,
  kernels: ["resize_a8"],
  stepBytes: RESIZE_STEP_BYTES,
  activations: 1,
  keepsScale: true,
  inPlace: [],
  packed: true,
  wide: "everywhere",

  shape([x], { size }) {
    if (x!.length === 4 && size.every((extent) => Number.isInteger(extent) && extent >= 1)) {
      return [1, ...size, x![3]!];
    }
    throw new DyadicError("BAD_FILE", "the size does not fit the input", {
      expected: "an input [1, h, w, c] and a height and width of at least 1",
      found: `[${x}] to [${size}]`,
    });
  },

  float([x], attributes) {
    const shape = this.shape([x!.shape], attributes) as number[];
    const [height, width] = attributes.size;
    const parameters = exactTables(x!.shape, attributes);
    const data = new Float32Array(height * width * shape[3]!);
    return {
      shape,
      data: interpolate(x!.data, x!.shape.slice(1), parameters, data, (sum) => sum / (ONE * ONE)),
    };
  },

  gradient: (gradient, [x], _, attributes) => [
    spread(gradient, x!.shape.slice(1), exactTables(x!.shape, attributes)),
  ],

  lower(lowering) {
    requireSameQuantization(lowering, "resize");
    const [, height, width] = lowering.inputs[0]!.shape as [number, number, number];
    const { attributes } = lowering.node;
    const rows = table(height, attributes.size[0], attributes);
    const columns = table(width, attributes.size[1], attributes);
    const { bits } = affineOf(lowering.output, "the output");
    if (bits === 8 || [...rows, ...columns].every((entry) => entry % ONE === 0)) return { rows, columns };
    throw new DyadicError("UNSUPPORTED_OP", "resize mixes pixels, which takes bytes", {
      expected: "8 bits, or the nearest pixel",
      found: `${bits} bits`,
      hint: "give this tensor 8 bits in the policy",
    });
  },

  integer: ([x], parameters, shapes) => resizeCodes(x!, parameters, shapes),
  cost: (_, { output }) => ({ macs: 0, weightBytes: 4 * (output.shape[0] + output.shape[1]) }),
  encode: encodeResize,
};
