// What slice and transpose share: every output axis walks an input axis from a begin, with a stride.
import {
  CONTRACT_A8,
  OP_VIEW,
  VIEW_AXIS,
  VIEW_BEGIN,
  VIEW_STEP_BYTES,
  VIEW_STRIDE,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { sameQuantization } from "../graph/graph.ts";
import { bitsOf } from "../graph/integer.ts";
import { type Codes, codesOf } from "../numerics/pack.ts";
import { movedBack } from "./gradient.ts";
import type { Lowering, Op, StepEncoder } from "./op.ts";

/** By axis of the output: the input's axis, where on it the walk starts and how far each step goes. */
export interface ViewParameters {
  readonly axes: readonly number[];
  readonly begin: readonly number[];
  readonly stride: readonly number[];
}

/** The elements that a view picks from dense data of shape `from`. */
export function pick<T extends Codes | Float32Array>(
  data: T,
  from: readonly number[],
  view: ViewParameters,
  shape: readonly number[],
  output: T,
): T {
  const pitch = from.map((_, axis) => from.slice(axis + 1).reduce((a, b) => a * b, 1));
  const coordinates = shape.map(() => 0);
  return output.map(() => {
    const at = coordinates.reduce((sum, coordinate, axis) => {
      return sum + (view.begin[axis]! + coordinate * view.stride[axis]!) * pitch[view.axes[axis]!]!;
    }, 0);
    for (let axis = shape.length - 1; axis >= 0 && ++coordinates[axis]! === shape[axis]; axis--) {
      coordinates[axis] = 0;
    }
    return data[at]!;
  }) as T;
}

/** The declaration that slice and transpose share; `view` is in the graph's dimensions. */
export function viewOp<Attributes>(
  name: string,
  shape: (x: readonly number[], attributes: Attributes) => readonly number[],
  view: (x: readonly number[], attributes: Attributes) => ViewParameters,
): Op<Attributes, ViewParameters> {
  return {
    name,
    opcode: OP_VIEW,
    contract: CONTRACT_A8,
    kernels: ["view_a8"],
    stepBytes: VIEW_STEP_BYTES,
    activations: 1,
    keepsScale: true,
    inPlace: [],
    packed: true,
    wide: "everywhere",
    shape: ([x], attributes) => shape(x!, attributes),
    float([x], attributes) {
      const to = shape(x!.shape, attributes);
      const data = new Float32Array(to.reduce((a, b) => a * b, 1));
      return { shape: to, data: pick(x!.data, x!.shape, view(x!.shape, attributes), to, data) };
    },
    gradient(gradient, [x], _, attributes) {
      return movedBack(gradient, [x!], (inputs) => this.float(inputs, attributes));
    },

    lower(lowering) {
      requireSameQuantization(lowering, name);
      return canonical(view(lowering.inputs[0]!.shape, lowering.node.attributes));
    },
    integer([x], parameters, { inputs, output }) {
      const [height, width, channels] = output.shape;
      const data = codesOf(height * width * channels, bitsOf(output));
      return pick(x!, inputs[0]!.shape, parameters, output.shape, data);
    },
    cost: () => ({ macs: 0, weightBytes: 0 }),
    encode: encodeView,
  };
}

/** Throws UNSUPPORTED_OP where input and output of an op that only moves codes differ in scale or zero point. */
export function requireSameQuantization({ inputs, output }: Lowering<unknown>, name: string): void {
  if (sameQuantization(inputs[0]!, output)) return;
  throw new DyadicError("UNSUPPORTED_OP", `${name} changes the scale`, {
    expected: "one scale and zero point for input and output",
  });
}

/** The same view on height, width and channels. A dimension of 1 may have traded places with the batch. */
function canonical({ axes, begin, stride }: ViewParameters): ViewParameters {
  const lead = axes.length - 3;
  const last3 = (values: readonly number[], fill: number) =>
    [0, 1, 2].map((axis) => values[lead + axis] ?? fill);
  const known = [0, 1, 2].map((axis) => (axes[lead + axis] ?? lead + axis) - lead);
  const missing = [0, 1, 2].filter((axis) => !known.includes(axis));
  return {
    axes: known.map((axis) => (axis < 0 ? missing.shift()! : axis)),
    begin: last3(begin, 0),
    stride: last3(stride, 1),
  };
}

function encodeView({ axes, begin, stride }: ViewParameters, step: StepEncoder): void {
  for (let axis = 0; axis < 3; axis++) {
    step.set(VIEW_AXIS + 4 * axis, axes[axis]!);
    step.set(VIEW_BEGIN + 4 * axis, begin[axis]!);
    step.set(VIEW_STRIDE + 4 * axis, stride[axis]!);
  }
}
