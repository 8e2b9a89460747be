// What no arena of a network can be below, whatever runs by bands.
import { MAX_BAND_MEMBERS } from "../../../assembly/abi.ts";
import { bitsOf, type IntegerGraph } from "../../graph/integer.ts";
import { NO_HALO } from "../../ops/index.ts";
import { possibleTakeovers } from "../../plan/in-place.ts";
import { extentBytes, pitches, tensorLifetimes } from "../../plan/layout.ts";
import { runsByBands } from "../../plan/schedule.ts";

/**
 * Bytes that every plan needs, without halos and scratch. Between two steps or groups, whatever is read later lies there
 * whole; inside a group of up to MAX_BAND_MEMBERS nodes perhaps nothing does. So of all ways to cut the nodes into groups
 * the one whose largest sum is least; a node that cannot run by bands has its operands and its output whole at once, or
 * one upon the other. It never grows as activations become narrower.
 */
export function arenaBound(graph: IntegerGraph): number {
  const first = graph.inputs.length;
  const lifetimes = tensorLifetimes(graph);
  const sizes = graph.tensors.map((tensor) => {
    return extentBytes(tensor.shape, { ...pitches(tensor.shape, NO_HALO, bitsOf(tensor)), halo: NO_HALO });
  });
  const sum = (isCounted: (life: { from: number; to: number }) => boolean) =>
    lifetimes.reduce((bytes, life, tensor) => bytes + (isCounted(life) ? sizes[tensor]! : 0), 0);
  /** What is alive in front of node k, written before it and read from it on. */
  const between = Array.from({ length: graph.nodes.length + 1 }, (_, k) =>
    sum(({ from, to }) => from < Math.max(1, first + k) && to >= first + k),
  );
  const uniform: IntegerGraph = { ...graph, tensors: graph.tensors.map(({ bits: _, ...tensor }) => tensor) };
  const takeovers = possibleTakeovers(uniform, lifetimes);
  const whole = graph.nodes.map((_, k) => {
    const own = takeovers.filter(({ node }) => node === k);
    const saved = own.map(({ input, output }) => Math.min(sizes[input]!, sizes[output]!));
    return sum(({ from, to }) => from <= first + k && to >= first + k) - Math.max(0, ...saved);
  });
  const least = [between[0]!];
  graph.nodes.forEach((_, k) => {
    const behind = (count: number, bytes: number) => {
      least[k + count] = Math.min(
        least[k + count] ?? Infinity,
        Math.max(least[k]!, bytes, between[k + count]!),
      );
    };
    if (!runsByBands(graph, k)) behind(1, whole[k]!);
    for (let count = 1; count <= MAX_BAND_MEMBERS && k + count <= graph.nodes.length; count++) {
      if (!runsByBands(graph, k + count - 1)) break;
      behind(count, 0);
    }
  });
  return least.at(-1)!;
}
