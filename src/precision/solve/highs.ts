// HiGHS (Huangfu and Hall 2018) as a second opinion: the same instance as a mixed integer linear program.
import { DyadicError } from "../../error.ts";
import { classCount, type Instance } from "./instance.ts";

type Highs = Awaited<ReturnType<typeof import("#highs")["default"]>>;

let loaded: Promise<Highs> | undefined;

/**
 * Least loss within the limits, by HiGHS without any permitted gap. Its answer is checked in integers.
 *
 * @returns one choice a class, indices of the instance; undefined where nothing is feasible
 * Throws INTERNAL for an answer that breaks a limit, or none.
 */
export async function highsSearch(instance: Instance): Promise<Int32Array | undefined> {
  loaded ??= import("#highs").then(({ default: own }) => {
    // Its types describe the CommonJS build, whose function is a member `default` of what an import gives.
    const load = own as unknown as typeof own.default | undefined;
    if (typeof load === "function") return load();
    throw new DyadicError("UNSUPPORTED_HOST", "HiGHS is left out of pages", {
      hint: 'the solver "branch-and-bound", which proves the same',
    });
  });
  const highs = await loaded;
  const result = highs.solve(linearProgram(instance), {
    output_flag: false,
    mip_rel_gap: 0,
    mip_abs_gap: 0,
  });
  if (result.Status === "Infeasible") return undefined;
  if (result.Status !== "Optimal") {
    throw new DyadicError("INTERNAL", "HiGHS found no optimum", { found: result.Status });
  }
  const shares = instance.loss.map(
    (_, c) => (result.Columns[`x${c}`] as { Primal?: number } | undefined)?.Primal ?? 0,
  );
  return checked(instance, shares);
}

/** The instance in the CPLEX LP format. */
function linearProgram(instance: Instance): string {
  const { first, loss, cost, limits } = instance;
  const m = limits.length;
  const sum = (coefficient: (choice: number) => number, from: number, to: number) => {
    const terms: string[] = [];
    for (let c = from; c < to; c++) {
      const value = coefficient(c);
      if (value !== 0) terms.push(`${value < 0 ? "-" : "+"} ${Math.abs(value)} x${c}`);
    }
    return terms.length > 0 ? terms.join("\n  ") : "0 x0";
  };
  const count = loss.length;
  const lines = ["Minimize", `  ${sum((c) => loss[c]!, 0, count)}`, "Subject To"];
  limits.forEach((limit, k) => {
    lines.push(`  limit${k}: ${sum((c) => cost[c * m + k]!, 0, count)} <= ${limit}`);
  });
  for (let i = 0; i < classCount(instance); i++) {
    lines.push(`  class${i}: ${sum(() => 1, first[i]!, first[i + 1]!)} = 1`);
  }
  lines.push("Binary", ...Array.from(loss, (_, c) => `  x${c}`), "End");
  return lines.join("\n");
}

function checked({ first, cost, limits }: Instance, shares: Float64Array): Int32Array {
  const m = limits.length;
  const taken = Int32Array.from({ length: first.length - 1 }, (_, i) => {
    const own = shares.subarray(first[i]!, first[i + 1]!);
    return first[i]! + own.indexOf(own.reduce((a, b) => Math.max(a, b)));
  });
  limits.forEach((limit, k) => {
    const used = taken.reduce((sum, choice) => sum + cost[choice * m + k]!, 0);
    if (used <= limit) return;
    throw new DyadicError("INTERNAL", "the answer of HiGHS breaks a limit in integers", {
      expected: `at most ${limit}`,
      found: `${used}`,
    });
  });
  return taken;
}
