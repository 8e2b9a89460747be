// RAM as a limit of the solver: what the planner refuses is cut off.
import { arenaBound } from "../cost/arena.ts";
import { type NetworkCost, scratchBytes } from "../cost/network.ts";
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
  const same = classSizes(space).map((size, i) =>
    Array.from({ length: size }, (_, j) => j === choices[i] || (i < space.layers.length && isAlike(i, j))),
  );
  function isAlike(layer: number, other: number): boolean {
    const scratch = (choice: number) =>
      scratchBytes(cost.at(widthsOf(space, choices.with(layer, choice))), cost.layers[layer]!);
    return scratch(other) === scratch(choices[layer]!);
  }
  const involved = same.map((own) => own.some((is) => !is));
  return {
    name: "cut by the planner",
    atMost: involved.filter(Boolean).length - 1,
    costs: same.map((own, i) => own.map((is) => (involved[i] && is ? 1 : 0))),
  };
}
