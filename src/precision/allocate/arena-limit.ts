// RAM as a limit of the solver: what the arena needs at least at every step, and cuts where the planner says more.
import { type StepBytes, stepBytes, stepTotal } from "../cost/arena.ts";
import type { NetworkCost } from "../cost/network.ts";
import { classSizes, type Space, widthsOf } from "./space.ts";

/** A limit that a problem gets: costs by class and choice. */
export interface Row {
  readonly name: string;
  readonly atMost: number;
  readonly costs: readonly (readonly number[])[];
}

/**
 * One row a step: the bytes of the tensors that are alive and of the scratch are sums over the choices; an output that
 * might lie on an input counts as if it did. Every arena has at least that many, so no row cuts off what fits. For an
 * arena of 0 bytes: see `withinArena`.
 */
export function arenaRows(space: Space, cost: NetworkCost): Row[] {
  const sizes = classSizes(space);
  const base = sizes.map(() => 0);
  const total = ({ tensors, takeover, scratch }: StepBytes) => {
    const free = new Set(takeover.map(([output]) => output));
    return [...tensors].reduce((sum, [tensor, bytes]) => sum + (free.has(tensor) ? 0 : bytes), scratch);
  };
  const totals = (choices: readonly number[]) => stepBytes(cost.at(widthsOf(space, choices))).map(total);
  const fixed = totals(base);
  const more = sizes.map((size, i) =>
    Array.from({ length: size }, (_, j) =>
      totals(base.with(i, j)).map((bytes, step) => bytes - fixed[step]!),
    ),
  );
  return fixed.map((bytes, step) => ({
    name: `arena at step ${step}`,
    atMost: -bytes,
    costs: more.map((own) => own.map((steps) => steps[step]!)),
  }));
}

/** Rows for an arena of so many bytes; those that no choice can break are left out. */
export function withinArena(rows: readonly Row[], ram: number): Row[] {
  return rows.flatMap(({ name, atMost, costs }) => {
    const most = costs.reduce((sum, own) => sum + Math.max(...own), 0);
    return most <= atMost + ram ? [] : [{ name, atMost: atMost + ram, costs }];
  });
}

/**
 * Rows that forbid choices with which some step needs more than the arena has, takeovers only where widths allow them,
 * whatever the choices of everything that is not alive then. None where every step by itself would fit.
 */
export function arenaCuts(space: Space, cost: NetworkCost, ram: number, choices: readonly number[]): Row[] {
  const network = cost.at(widthsOf(space, choices));
  const sizes = classSizes(space);
  const layers = space.layers.length;
  const groupOf = (tensor: number) =>
    space.groups.findIndex(({ tensors }) => tensors.some((own) => cost.tensorOf(own) === tensor));
  return stepBytes(network).flatMap((step, index): Row[] => {
    if (stepTotal(network, step) <= ram) return [];
    const node = network.nodes[step.node];
    const operands = new Set(node === undefined ? [] : [...node.inputs, node.output]);
    const involved = new Set<number>();
    const exact = new Set<number>();
    for (const tensor of step.tensors.keys()) {
      const group = groupOf(tensor);
      if (group < 0) continue;
      involved.add(layers + group);
      if (operands.has(tensor)) exact.add(layers + group);
    }
    const layer = cost.layers.indexOf(step.node);
    if (layer >= 0) involved.add(layer);
    const costs = sizes.map((size, i) =>
      Array.from({ length: size }, (_, j) => {
        if (!involved.has(i)) return 0;
        if (j === choices[i]) return 1;
        if (exact.has(i)) return 0;
        // Of no operand, and of weights, what needs as much or more is as bad.
        const other = stepBytes(cost.at(widthsOf(space, choices.with(i, j))))[index]!;
        return stepTotal(network, other) >= stepTotal(network, step) ? 1 : 0;
      }),
    );
    return [{ name: `cut at step ${index}`, atMost: involved.size - 1, costs }];
  });
}
