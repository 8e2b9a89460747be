import { OP_RESHAPE } from "../../assembly/abi.ts";
import { bitsOf, type IntegerGraph, type IntegerNode, shapesOf } from "../graph/integer.ts";
import { type Halo, NO_HALO, opNamed } from "../ops/index.ts";
import type { Lifetime } from "./layout.ts";

/** A node whose output could lie on the very bytes of one of its inputs. */
export interface Takeover {
  readonly node: number;
  readonly input: number;
  readonly output: number;
  /** The shapes differ (reshape), so neither side may have a halo. */
  readonly dense: boolean;
}

/** The halo of every tensor: per side, the most that one of its readers asks for. */
export function haloNeeds(graph: IntegerGraph): Halo[] {
  const needs: Halo[] = graph.tensors.map(() => NO_HALO);
  for (const node of graph.nodes) {
    const input = node.inputs[0];
    if (input !== undefined) needs[input] = widest(needs[input]!, haloOf(graph, node));
  }
  return needs;
}

/** The halo that a node asks of its first input; what lies around packed pixels is made in scratch. */
export function haloOf(graph: IntegerGraph, node: IntegerNode): Halo {
  const shapes = shapesOf(graph, node);
  if (shapes.inputs.some((tensor) => bitsOf(tensor) < 8)) return NO_HALO;
  return opNamed(node.op).halo?.(node.parameters, shapes) ?? NO_HALO;
}

/** Every legal takeover: the op allows it, the input dies at the node and is read there once. */
export function possibleTakeovers(graph: IntegerGraph, lifetimes: readonly Lifetime[]): Takeover[] {
  return graph.nodes.flatMap((node, k) => {
    const op = opNamed(node.op);
    const step = graph.inputs.length + k;
    return op.inPlace.flatMap((operand): Takeover[] => {
      const input = node.inputs[operand]!;
      const once = node.inputs.filter((other) => other === input).length === 1;
      const widths = [input, node.output].map((tensor) => bitsOf(graph.tensors[tensor]!));
      if (!once || lifetimes[input]!.to !== step || widths[0] !== widths[1]) return [];
      const dense = op.opcode === OP_RESHAPE;
      const repeated = graph.tensors[input]!.shape.join() !== graph.tensors[node.output]!.shape.join();
      return repeated && !dense ? [] : [{ node: k, input, output: node.output, dense }];
    });
  });
}

/** Tensors that share their bytes one after the other, under one geometry. */
export interface Chain {
  readonly tensors: readonly number[];
  readonly halo: Halo;
  readonly from: number;
  readonly to: number;
}

/**
 * Joins tensors along the chosen takeovers. The members of a chain get the widest halo among them; a takeover that
 * would give a reshape a halo is left out.
 */
export function chains(
  needs: readonly Halo[],
  lifetimes: readonly Lifetime[],
  chosen: readonly Takeover[],
): Chain[] {
  const open = needs.map((halo, tensor) => ({
    tensors: [tensor],
    halo,
    dense: false,
    ...lifetimes[tensor]!,
  }));
  const chainOf = [...open];
  for (const { input, output, dense } of chosen) {
    const [head, tail] = [chainOf[input]!, chainOf[output]!];
    const halo = widest(head.halo, tail.halo);
    const flat = dense || head.dense || tail.dense;
    if (flat && halo.some((side) => side > 0)) continue;
    const joined = {
      tensors: [...head.tensors, ...tail.tensors],
      halo,
      dense: flat,
      from: Math.min(head.from, tail.from),
      to: Math.max(head.to, tail.to),
    };
    for (const tensor of joined.tensors) chainOf[tensor] = joined;
  }
  return [...new Set(chainOf)];
}

/** Takeovers between tensors that need the same halo anyway, so that joining them costs nothing. */
export function freeTakeovers(needs: readonly Halo[], possible: readonly Takeover[]): Takeover[] {
  return onePerNode(possible.filter(({ input, output }) => needs[input]!.join() === needs[output]!.join()));
}

/** The first takeover of every node. */
export function onePerNode(takeovers: readonly Takeover[]): Takeover[] {
  return takeovers.filter((takeover, i) => takeovers[i - 1]?.node !== takeover.node);
}

function widest(a: Halo, b: Halo): Halo {
  return [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}
