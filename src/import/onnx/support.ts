import { DyadicError } from "../../error.ts";
import { missingOperator, type Survey } from "../survey.ts";
import { FOLDERS } from "./fold.ts";
import type { GraphProto, NodeProto } from "./messages.ts";
import { operatorType } from "./operator.ts";
import { OPERATORS } from "./operators.ts";

const MAX_NODES = 1 << 16;
/** In messages: how many nodes of an unsupported operator are named, and how much of a name is shown. */
const SHOWN_NODES = 3;
const SHOWN_NAME = 60;

/** What the importer does itself. */
const BUILT_IN: readonly string[] = ["Constant", "Shape"];

/** The nodes that an output depends on, in the file's order. Throws BAD_FILE for a graph that is beyond belief. */
export function neededNodes(graph: GraphProto): readonly NodeProto[] {
  if (graph.nodes.length > MAX_NODES) {
    throw new DyadicError("BAD_FILE", `${graph.nodes.length} nodes`, { expected: `at most ${MAX_NODES}` });
  }
  const needed = new Set(graph.outputs.map(({ name }) => name));
  return graph.nodes
    .toReversed()
    .filter((node) => {
      const alive = node.outputs.some((output) => output !== "" && needed.has(output));
      if (alive) for (const input of node.inputs) needed.add(input);
      return alive;
    })
    .toReversed();
}

/**
 * Throws UNSUPPORTED_OP with all the operators that Dyadic does not have, and BAD_FILE for a node without inputs or
 * outputs. What depends on constants alone needs a folder, anything else an adapter. A survey gets to know every
 * operator; the nodes that are left then are those that can be looked at.
 */
export function checkOperators(
  nodes: readonly NodeProto[],
  graph: GraphProto,
  survey?: Survey,
): readonly NodeProto[] {
  const constants = new Set(["", ...graph.initializers.map(({ name }) => name)]);
  const unknown = new Map<string, string[]>();
  const left: NodeProto[] = [];
  for (const node of nodes) {
    const type = operatorType(node);
    const isConstant = node.inputs.every((input) => constants.has(input));
    if (isConstant || type === "Shape" || type === "Size")
      for (const output of node.outputs) constants.add(output);
    const known =
      BUILT_IN.includes(type) ||
      Object.hasOwn(OPERATORS, type) ||
      (isConstant && Object.hasOwn(FOLDERS, type));
    const name = known || isConstant || !Object.hasOwn(FOLDERS, type) ? type : `${type} (of an activation)`;
    survey?.saw(name);
    if (known && node.outputs.length > 0 && (node.inputs.length > 0 || type === "Constant")) {
      left.push(node);
      continue;
    }
    if (known)
      throw new DyadicError("BAD_FILE", "a node without inputs or outputs", { node: node.name, op: type });
    const shown = node.name || node.outputs[0] || "(no name)";
    survey?.refuse(name, shown, missingOperator());
    unknown.set(name, [...(unknown.get(name) ?? []), shown]);
  }
  if (unknown.size > 0 && survey === undefined) throw unsupported(unknown);
  return left;
}

function unsupported(unknown: ReadonlyMap<string, readonly string[]>): DyadicError {
  const lines = [...unknown].map(([name, nodes]) => {
    const shown = nodes.slice(0, SHOWN_NODES).map((node) => `"${clip(node)}"`);
    if (nodes.length > SHOWN_NODES) shown.push("...");
    return `${clip(name)} x${nodes.length} (${shown.join(", ")})`;
  });
  const s = lines.length === 1 ? "" : "s";
  return new DyadicError("UNSUPPORTED_OP", `the model uses ${lines.length} unsupported operator${s}`, {
    found: lines.join("; "),
    hint: `supported are ${Object.keys(OPERATORS).join(", ")}`,
  });
}

function clip(name: string): string {
  return name.length > SHOWN_NAME ? `${name.slice(0, SHOWN_NAME)}...` : name;
}
