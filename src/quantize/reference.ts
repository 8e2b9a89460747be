import { DyadicError } from "../error.ts";
import { elements } from "../graph/graph.ts";
import { type IntegerGraph, shapesOf } from "../graph/integer.ts";
import type { Codes } from "../numerics/pack.ts";
import { opNamed } from "../ops/index.ts";

/**
 * The integer network in TypeScript: what every engine must reproduce bit for bit.
 *
 * @param inputs one array of dense canonical int8 codes per model input, in the order of `graph.inputs`
 * @param previous what the run before returned: the states go on from there; without it they are real 0
 * @returns the codes of every tensor, by index; only tensors that nothing writes stay empty
 * Throws BAD_INPUT where an input has the wrong length.
 */
export function runReference(
  graph: IntegerGraph,
  inputs: readonly Int8Array[],
  previous?: readonly Codes[],
): Codes[] {
  const codes: Codes[] = graph.tensors.map(() => new Int8Array(0));
  for (const { tensor } of graph.states) {
    const { shape, zeroPoint } = graph.tensors[tensor]!;
    codes[tensor] = previous?.[tensor]?.slice() ?? new Int8Array(elements(shape)).fill(zeroPoint);
  }
  graph.inputs.forEach((border, i) => {
    const size = elements(graph.tensors[border.tensor]!.shape);
    if (inputs[i]?.length !== size) {
      throw new DyadicError("BAD_INPUT", `input "${border.name}" has the wrong length`, {
        expected: `${size} codes`,
        found: `${inputs[i]?.length ?? "nothing"}`,
      });
    }
    codes[border.tensor] = new Int8Array(inputs[i]!);
  });
  for (const node of graph.nodes) {
    const shapes = shapesOf(graph, node);
    const operands = node.inputs.map((input) => codes[input]!);
    const op = opNamed(node.op);
    if (op.intoState) operands.push(codes[node.output]!);
    codes[node.output] = op.integer(operands, node.parameters, shapes).slice();
  }
  return codes;
}
