import { AXIS_HEIGHT, CONTRACT_A8, OP_PUSH, PUSH_AXIS, PUSH_STEP_BYTES } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { elements } from "../graph/graph.ts";
import type { Op } from "./op.ts";
import { requireSameQuantization } from "./view.ts";

interface PushAttributes {
  /** Dimension along which the state moves: height or width of its canonical shape. */
  readonly axis: number;
  /** Extent of the state there; at least the input's. */
  readonly extent: number;
}

interface PushParameters {
  /** Of the canonical shape: 0 height, 1 width. */
  readonly axis: number;
}

/** The state less its first rows, and then the input: `outer` runs of `kept` and `added` elements. */
function moved<T extends Int8Array | Float32Array>(x: T, state: T, outer: number): T {
  const [added, all] = [x.length / outer, state.length / outer];
  const next = state.slice() as T;
  for (let run = 0; run < outer; run++) {
    next.copyWithin(run * all, run * all + added, (run + 1) * all);
    next.set(x.subarray(run * added, (run + 1) * added), (run + 1) * all - added);
  }
  return next;
}

/**
 * Moves a state up along one dimension and appends the input: a window over a stream. With the input's own extent it
 * assigns. The state, which is the node's output, keeps its codes from run to run; the float meaning starts from 0.
 */
export const push: Op<PushAttributes, PushParameters> = {
  name: "push",
  opcode: OP_PUSH,
  contract: CONTRACT_A8,
  kernels: ["push_a8"],
  stepBytes: PUSH_STEP_BYTES,
  activations: 1,
  keepsScale: true,
  intoState: true,
  inPlace: [],

  shape([x], { axis, extent }) {
    if (axis >= 0 && axis < x!.length && x![axis]! <= extent) {
      return x!.map((size, i) => (i === axis ? extent : size));
    }
    throw new DyadicError("BAD_FILE", "the input does not fit the state", {
      expected: `dimension ${axis} of at most ${extent}`,
      found: `[${x}]`,
    });
  },

  float([x], attributes) {
    const shape = this.shape([x!.shape], attributes);
    const state = new Float32Array(elements(shape));
    return { shape, data: moved(x!.data, state, elements(shape.slice(0, attributes.axis))) };
  },

  lower(lowering) {
    requireSameQuantization(lowering, "push");
    const { shape } = lowering.output;
    const axis = lowering.node.attributes.axis + 3 - shape.length;
    if (axis === 0 || axis === 1) return { axis };
    // A whole assignment moves nothing: any axis will do.
    if (lowering.inputs[0]!.shape.join() === shape.join()) return { axis: AXIS_HEIGHT };
    throw new DyadicError("UNSUPPORTED_OP", "a state moves along its height or width alone");
  },

  integer: ([x, state]: readonly Int8Array[], { axis }, { output }) =>
    moved(x!, state!, elements(output.shape.slice(0, axis))),
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: ({ axis }, step) => step.set(PUSH_AXIS, axis),
};
