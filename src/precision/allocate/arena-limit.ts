// RAM as a limit of the solver: what the planner refuses is cut off.

import { scratchBytes } from "../../plan/index.ts";
import { arenaBound } from "../cost/arena.ts";
import type { NetworkCost } from "../cost/network.ts";
import { classSizes, type Space, widthsOf } from "./space.ts";

/** A limit that a problem gets: costs by class and choice. */
export interface Row {
  readonly name: string;
  readonly atMost: number;
  readonly costs: readonly (readonly number[])[];
}

/**
 * Forbids activations as wide as these where no plan of them fits an arena, of as few of them as prove it. Undefined
 * where the bound does not.
 */
export function boundCut(
  space: Space,
  cost: NetworkCost,
  ram: number,
  choices: readonly number[],
): Row | undefined {
  const tooMuch = (own: readonly number[]) => arenaBound(cost.at(widthsOf(space, own))) > ram;
  if (!tooMuch(choices)) return undefined;
  const sizes = classSizes(space);
  let needed = [...choices];
  for (let i = space.layers.length; i < sizes.length; i++) {
    const relaxed = needed.with(i, sizes[i]! - 1);
    if (tooMuch(relaxed)) needed = relaxed;
  }
  // Of a group at its narrowest every width is as wide: it takes no part.
  const involved = sizes.map((size, i) => i >= space.layers.length && needed[i]! < size - 1);
  const costs = sizes.map((size, i) =>
    Array.from({ length: size }, (_, j) => (involved[i] && j <= needed[i]! ? 1 : 0)),
  );
  return { name: "cut by the bound", atMost: involved.filter(Boolean).length - 1, costs };
}

/** Forbids choices that are all the same to the planner as these: of activations their widths, of weights their scratch. */
export function choiceCut(space: Space, cost: NetworkCost, choices: readonly number[]): Row {
  const scratch = scratchOf(space, cost, choices);
  return cutOf(space, choices, (i, j) =>
    i < space.layers.length ? scratch(i, j) === scratch(i, choices[i]!) : j === choices[i],
  );
}

/**
 * Forbids besides all that is at least as wide as these in the activations, and takes as much scratch in the layers, that
 * are too much for the planner with everything else as in `fitting`, which it has a plan for and which stays allowed. Most
 * of that does not fit either, but nothing proves it: a plan of wider tensors may find another order to share bytes in.
 */
export function wideCut(
  space: Space,
  cost: NetworkCost,
  ram: number,
  choices: readonly number[],
  fitting: readonly number[],
): Row {
  const scratch = scratchOf(space, cost, choices);
  let needed = choices;
  // Halves at a time: few classes matter.
  const relax = (from: number, to: number): void => {
    const relaxed = needed.map((own, i) => (i >= from && i < to ? fitting[i]! : own));
    if (relaxed.join() === needed.join()) return;
    if (cost.planned(widthsOf(space, relaxed), ram).layout.peakBytes > ram) {
      needed = relaxed;
    } else if (to - from > 1) {
      const middle = (from + to) >> 1;
      relax(from, middle);
      relax(middle, to);
    }
  };
  relax(0, choices.length);
  return cutOf(space, needed, (i, j) => {
    if (needed[i] === fitting[i]) return true;
    if (j === fitting[i]) return false;
    return i < space.layers.length ? scratch(i, j) >= scratch(i, needed[i]!) : j <= needed[i]!;
  });
}

/** Bytes of scratch of a layer at one of its choices, the others being as they are. */
function scratchOf(space: Space, cost: NetworkCost, choices: readonly number[]) {
  return (layer: number, choice: number) =>
    scratchBytes(cost.at(widthsOf(space, choices.with(layer, choice))), cost.layers[layer]!);
}

function cutOf(
  space: Space,
  choices: readonly number[],
  is: (index: number, choice: number) => boolean,
): Row {
  const same = classSizes(space).map((size, i) =>
    Array.from({ length: size }, (_, j) => j === choices[i] || is(i, j)),
  );
  const involved = same.map((own) => own.some((one) => !one));
  return {
    name: "cut by the planner",
    atMost: involved.filter(Boolean).length - 1,
    costs: same.map((own, i) => own.map((one) => (involved[i] && one ? 1 : 0))),
  };
}
