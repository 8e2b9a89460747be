import { DyadicError } from "../error.ts";
import { describe } from "../report/describe.ts";
import type { FloatFlags } from "./calibration.ts";
import { summary } from "./describe.ts";
import { loadForSize } from "./model.ts";
import { exitCode, print, table } from "./output.ts";

/** `dyadic check`: ops, RAM, flash and work of a model; for an unsupported one, everything that is missing. */
export async function check(path: string, options: FloatFlags & { json?: boolean }): Promise<void> {
  const json = options.json === true;
  try {
    const description = describe((await loadForSize(path, options)).bytes, path);
    const counts = new Map<string, number>();
    for (const { op } of description.plan.steps) counts.set(op, (counts.get(op) ?? 0) + 1);
    const { flashBytes, macs, plan, notes } = description;
    const ops = Object.fromEntries(counts);
    const { peakBytes, lowerBound, haloBytes } = plan;
    const sizes = { flashBytes, macs, plan: { peakBytes, lowerBound, haloBytes } };
    print(json, { supported: true, ...sizes, ops, ...(notes.length > 0 && { notes }) }, () =>
      [
        `${path}: supported\n`,
        summary(description),
        table([...counts].map(([op, count]) => [`  ${op}`, count])),
      ].join(""),
    );
  } catch (error) {
    if (!json || !(error instanceof DyadicError) || exitCode(error) !== 2) throw error;
    print(true, { supported: false, code: error.code, message: error.message, ...error.place }, () => "");
    process.exitCode = exitCode(error);
  }
}
