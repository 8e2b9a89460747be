import { DyadicError } from "../error.ts";
import {
  type Border,
  canonicalShape,
  elements,
  type Graph,
  type Node,
  type Tensor,
  validateGraph,
} from "../graph/graph.ts";
import type { IntegerGraph, IntegerNode, IntegerTensor } from "../graph/integer.ts";
import { activationRange } from "../numerics/pack.ts";
import { activationBits, affineByChannel } from "../ops/affine.ts";
import { type Op, opNamed } from "../ops/index.ts";
import { placeConstants } from "./constants.ts";

/** Channels in the arena of an output that the host sees as one i32. */
const INDEX_BYTES = 4;

/**
 * Ends the floats: every scale becomes dyadic numbers in the node's parameters, weights leave the tensor list, other
 * constants get a node that writes them, and shapes become canonical [height, width, channels].
 * Throws UNSUPPORTED_OP for what has no int8 form, BAD_FILE where declared and computed shapes differ, OVERFLOW where
 * an accumulator could; always with the node.
 */
export function lower(source: Graph): IntegerGraph {
  validateGraph(source);
  const graph = placeConstants(source);
  const used = usedActivations(graph);
  const index = new Map(used.map((tensor, position) => [tensor, position]));
  const writers = new Map(graph.nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
  const tensors = used.map((tensor) =>
    located(writers.get(tensor), () => lowerTensor(graph.tensors[tensor]!)),
  );
  const border = (role: string) => (declared: Border) => lowerBorder(declared, role, graph, index);
  const lowered: IntegerGraph = {
    name: graph.name,
    tensors,
    nodes: graph.nodes.map((node) => lowerNode(node, graph, index)),
    inputs: graph.inputs.map(border("input")),
    outputs: graph.outputs.map(border("output")),
    states: (graph.states ?? []).map(({ name, tensor }) => ({ name, tensor: index.get(tensor)! })),
  };
  checkStates(lowered);
  refuseSharedBorders(lowered.inputs, "inputs");
  refuseSharedBorders(lowered.outputs, "outputs");
  return lowered;
}

/** Indices of the tensors that are activations: what is not constant and what a border or a node mentions. */
function usedActivations(graph: Graph): number[] {
  const borders = [...graph.inputs, ...graph.outputs, ...(graph.states ?? [])];
  const mentioned = new Set(borders.map((border) => border.tensor));
  for (const node of graph.nodes) {
    for (const tensor of [...node.inputs, ...node.outputs]) mentioned.add(tensor);
  }
  mentioned.delete(-1);
  return [...mentioned].filter((tensor) => graph.tensors[tensor]?.data === undefined).sort((a, b) => a - b);
}

function lowerTensor(tensor: Tensor): IntegerTensor {
  const { scale, zeroPoints, bits } = affineByChannel(tensor, "the tensor");
  const [min, max] = activationRange(bits);
  const zeroPoint = zeroPoints[0]!;
  const shape = canonicalShape(tensor.shape, tensor.name);
  if (
    !Number.isInteger(zeroPoint) ||
    zeroPoint < min ||
    zeroPoint > max ||
    (zeroPoints.length > 1 && bits !== 8) ||
    (bits === 16 && zeroPoint !== 0) ||
    !(scale > 0 && scale < Infinity)
  ) {
    throw new DyadicError("BAD_FILE", `tensor "${tensor.name}" has an impossible quantization`, {
      expected: `a positive, finite scale and a zero point ${bits === 16 ? "of 0" : `from ${min} to ${max}`}`,
      found: `scale ${scale}, zero point ${zeroPoint}`,
    });
  }
  if (!shape.every((size) => Number.isInteger(size) && size >= 1)) {
    throw new DyadicError("BAD_FILE", `tensor "${tensor.name}" is empty`, {
      expected: "every dimension at least 1",
      found: `[${tensor.shape.join(", ")}]`,
    });
  }
  if (zeroPoints.length === 1) {
    return { name: tensor.name, shape, scale, zeroPoint, ...(bits !== 8 && { bits }) };
  }
  // Bytes with mean and deviation folded in: the host hands them over as they are, so byte 0 is its zero.
  return { name: tensor.name, shape, scale, zeroPoint: -128, zeroPoints: Int8Array.from(zeroPoints) };
}

/** Runs `action`; a DyadicError from it also names the node. */
function located<T>(node: Node | undefined, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (node === undefined || !(error instanceof DyadicError)) throw error;
    throw error.at({ node: node.name, op: node.op });
  }
}

function lowerNode(node: Node, graph: Graph, index: ReadonlyMap<number, number>): IntegerNode {
  return located(node, () => {
    const op = opNamed(node.op);
    const inputs = node.inputs.map((input) => graph.tensors[input]);
    checkOperands(node, inputs, op);
    const output = graph.tensors[node.outputs[0]!]!;
    checkWidths(inputs.slice(0, op.activations), output, op);
    const shape = op.shape(
      inputs.map((input) => input?.shape ?? []),
      node.attributes,
    );
    if (shape.join() !== output.shape.join()) {
      throw new DyadicError("BAD_FILE", `the file declares another shape for "${output.name}"`, {
        expected: `[${shape.join(", ")}]`,
        found: `[${output.shape.join(", ")}]`,
      });
    }
    return {
      name: node.name,
      op: node.op,
      inputs: node.inputs.slice(0, op.activations).map((input) => index.get(input)!),
      output: index.get(node.outputs[0]!)!,
      parameters: op.lower({ node, inputs, output }),
    };
  });
}

function checkOperands(node: Node, inputs: readonly (Tensor | undefined)[], op: Op): void {
  const activations = inputs.slice(0, op.activations);
  const constants = inputs.slice(op.activations);
  const expected = Number.isFinite(op.activations) ? op.activations : Math.max(1, node.inputs.length);
  if (activations.length < expected || activations.includes(undefined) || node.outputs.length !== 1) {
    throw new DyadicError("BAD_FILE", "the node has the wrong number of inputs or outputs", {
      expected: `${expected} activation${expected === 1 ? "" : "s"} in, one out`,
      found: `${node.inputs.length} in, ${node.outputs.length} out`,
    });
  }
  const computed = constants.find((tensor) => tensor !== undefined && tensor.data === undefined);
  const constant = activations.find((tensor) => tensor!.data !== undefined);
  if (computed !== undefined || constant !== undefined) {
    const name = (computed ?? constant)!.name;
    throw new DyadicError(
      "UNSUPPORTED_OP",
      `"${name}" is ${computed ? "computed at run time, not constant" : "a constant, not an activation"}`,
    );
  }
}

/** Codes below 8 bits are packed and those of 16 take two bytes, which not every op can read or write. */
function checkWidths(inputs: readonly (Tensor | undefined)[], output: Tensor, op: Op): void {
  const refuse = (tensor: Tensor | undefined, refused: (bits: number) => boolean, what: string) => {
    const bits = tensor && activationBits(tensor);
    if (bits === undefined || !refused(bits)) return;
    throw new DyadicError("UNSUPPORTED_OP", `"${tensor!.name}" has ${what} than 8 bits`, {
      expected: "8-bit inputs and outputs of this op",
      found: `${bits} bits`,
      hint: "give this tensor 8 bits in the policy",
    });
  };
  for (const tensor of [...inputs, output]) {
    if (!op.packed) refuse(tensor, (bits) => bits < 8, "fewer");
    const wide = op.wide === "everywhere" || (op.wide === "output" && tensor === output);
    if (!wide) refuse(tensor, (bits) => bits > 8, "more");
  }
}

function lowerBorder(border: Border, role: string, graph: Graph, index: ReadonlyMap<number, number>): Border {
  const place = { op: role, node: border.name };
  const tensor = graph.tensors[border.tensor];
  const position = index.get(border.tensor);
  if (tensor === undefined || position === undefined) {
    throw new DyadicError("UNSUPPORTED_OP", `the model's ${role} is a constant or does not exist`, place);
  }
  const isIndex = role === "output" && border.dtype === "int32" && tensor.shape.at(-1) === INDEX_BYTES;
  if (border.dtype !== "int8" && border.dtype !== "uint8" && !isIndex) {
    throw new DyadicError("UNSUPPORTED_OP", `a model ${role} of this type is not supported`, {
      ...place,
      expected: "int8 or uint8",
      found: border.dtype,
    });
  }
  const bits = activationBits(tensor);
  if (bits !== 8) {
    throw new DyadicError("UNSUPPORTED_OP", `a model ${role} has 8 bits`, { ...place, found: `${bits}` });
  }
  if (elements(border.shape) * (isIndex ? INDEX_BYTES : 1) !== elements(tensor.shape)) {
    throw new DyadicError("BAD_FILE", `the ${role} and its tensor "${tensor.name}" differ in size`, {
      ...place,
      expected: `[${tensor.shape.join(", ")}]`,
      found: `[${border.shape.join(", ")}]`,
    });
  }
  return { ...border, tensor: position };
}

/** States are written by ops that write states, nothing else is, and no state is a model's border. */
function checkStates(graph: IntegerGraph): void {
  const states = new Set(graph.states.map(({ tensor }) => tensor));
  const border = [...graph.inputs, ...graph.outputs].find(({ tensor }) => states.has(tensor));
  if (border !== undefined) {
    throw new DyadicError("UNSUPPORTED_OP", `"${border.name}" is a state: the model cannot take or give it`, {
      hint: "states live in the model from run to run; reset() clears them",
    });
  }
  for (const node of graph.nodes) {
    const { intoState = false, stateInputs = [] } = opNamed(node.op);
    const wrong =
      states.has(node.output) !== intoState || stateInputs.some((input) => !states.has(node.inputs[input]!));
    if (!wrong) continue;
    throw new DyadicError(
      "BAD_FILE",
      "a tensor that this op changes is not a state, or a state is overwritten",
      {
        node: node.name,
        op: node.op,
      },
    );
  }
}

function refuseSharedBorders(borders: readonly Border[], role: string): void {
  borders.forEach((border, i) => {
    const twin = borders.slice(0, i).find((other) => other.tensor === border.tensor);
    if (twin === undefined) return;
    throw new DyadicError(
      "UNSUPPORTED_OP",
      `the ${role} "${twin.name}" and "${border.name}" are the same tensor`,
      { hint: `keep one of the two ${role}` },
    );
  });
}
