// What was measured as entries of a latency table.
import { PRODUCER } from "../../compile.ts";
import { DyadicError } from "../../error.ts";
import { shapesOf } from "../../graph/integer.ts";
import { opNamed } from "../../ops/index.ts";
import { stepKeys } from "../../precision/cost/latency.ts";
import type { BuildTimes, StepTime } from "../../precision/cost/latency-table.ts";
import { CLASSES } from "../engines.ts";
import { type Measured, type ModelTimes, middle, type TableModel } from "./job.ts";

export interface Origin extends Pick<BuildTimes, "build" | "engine" | "method" | "roofline"> {
  readonly date: string;
}

/**
 * A build's part of a table. Steps that are alike in several places share an entry: the mean of what they took. What whole
 * runs took beside their steps is the overhead, the median over models.
 */
export function buildTimes(
  models: readonly TableModel[],
  { dotClass, models: times }: Measured,
  origin: Origin,
): BuildTimes {
  const overheads = times.map(({ whole, steps }) => {
    return middle(whole) - steps.reduce((sum, rounds) => sum + middle(rounds), 0);
  });
  return {
    ...origin,
    selfTestClass: CLASSES[dotClass as keyof typeof CLASSES],
    producer: PRODUCER,
    overhead: Math.max(0, Math.round(middle(overheads))),
    steps: entries(models, times),
  };
}

function entries(models: readonly TableModel[], times: readonly ModelTimes[]): StepTime[] {
  const found = new Map<string, { readonly all: StepTime[] }>();
  models.forEach(({ integer, layout }, m) => {
    if (layout.groups.length > 0) {
      throw new DyadicError("BAD_ARGUMENT", "steps that run in bands cannot be told apart", {
        hint: "measure the table without --ram: what bands cost is added to its times",
      });
    }
    stepKeys(integer).forEach((step, i) => {
      const k = i - integer.inputs.length;
      const node = integer.nodes[k];
      const rounds = times[m]!.steps[i]!;
      const scratch = node === undefined ? 0 : layout.scratch[k]!.bytes;
      const macs =
        node === undefined ? 0 : opNamed(node.op).cost(node.parameters, shapesOf(integer, node)).macs;
      const minimum = rounds.reduce((a, b) => Math.min(a, b), Infinity);
      const time: StepTime = { step, scratch, macs, minimum, median: middle(rounds) };
      const name = `${step} ${scratch}`;
      const known = found.get(name);
      if (known === undefined) found.set(name, { all: [time] });
      else known.all.push(time);
    });
  });
  return [...found.values()].map(({ all }) => {
    const mean = (key: "minimum" | "median") =>
      Math.round(all.reduce((sum, time) => sum + time[key], 0) / all.length);
    return { ...all[0]!, minimum: mean("minimum"), median: mean("median") };
  });
}
