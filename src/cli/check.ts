import { DyadicError } from "../error.ts";
import { type Need, Survey } from "../import/survey.ts";
import { type Description, describe } from "../report/describe.ts";
import type { FloatFlags } from "./calibration.ts";
import { summary } from "./describe.ts";
import { loadForSize } from "./model.ts";
import { exitCode, print, table } from "./output.ts";

/** In text: how many nodes of one operator are named, and how much of a name is shown. */
const SHOWN_NODES = 5;
const SHOWN_NAME = 60;

/**
 * `dyadic check`: every operator that a model needs, which of them Dyadic has, what is wrong and where; RAM, flash and
 * work of a model that runs. Exit code 2 where something is missing.
 */
export async function check(path: string, options: FloatFlags & { json?: boolean }): Promise<void> {
  const json = options.json === true;
  const survey = new Survey();
  try {
    const description = describe((await loadForSize(path, options, survey)).bytes, path);
    print(json, supported(description, survey.needs()), () =>
      [`${path}: supported\n`, summary(description), needed(survey.needs()), steps(description)].join(""),
    );
  } catch (error) {
    if (!(error instanceof DyadicError) || exitCode(error) !== 2) throw error;
    const operators = survey.needs();
    if (!json) {
      print(false, null, () => `${path}: not supported\n${needed(operators)}`);
      throw error;
    }
    const { code, message, place } = error;
    print(true, { supported: false, code, message, ...place, operators }, () => "");
    process.exitCode = exitCode(error);
  }
}

function supported({ flashBytes, macs, plan, notes }: Description, operators: readonly Need[]) {
  const { peakBytes, lowerBound, haloBytes } = plan;
  const ops: Record<string, number> = {};
  for (const { op } of plan.steps) ops[op] = (ops[op] ?? 0) + 1;
  const sizes = { flashBytes, macs, plan: { peakBytes, lowerBound, haloBytes } };
  return { supported: true, ...sizes, operators, ops, ...(notes.length > 0 && { notes }) };
}

/** The engine's steps by op. */
function steps({ plan }: Description): string {
  const counts = new Map<string, number>();
  for (const { op } of plan.steps) counts.set(op, (counts.get(op) ?? 0) + 1);
  return `the engine's steps\n${table([...counts].map(([op, count]) => [`  ${op}`, count]))}`;
}

function clip(name: string): string {
  return name.length > SHOWN_NAME ? `${name.slice(0, SHOWN_NAME)}...` : name;
}

/** The model's own operators: how many, and of those that cannot be imported the nodes with the reasons. */
function needed(needs: readonly Need[]): string {
  if (needs.length === 0) return "";
  const rows = needs.map(({ operator, nodes, problems }) => {
    const bad = problems.length;
    return [
      `  ${operator}`,
      nodes,
      bad === 0 ? "yes" : bad === nodes ? "no" : `no, for ${bad} of them`,
    ] as const;
  });
  const reasons = needs.flatMap(({ operator, problems }) => {
    const lines = problems.slice(0, SHOWN_NODES).map(({ node, problem, found }) => {
      return `  ${operator} "${clip(node)}": ${problem}${found === undefined ? "" : ` (${found})`}\n`;
    });
    const more = problems.length - SHOWN_NODES;
    return more > 0 ? [...lines, `  ${operator}: and ${more} more\n`] : lines;
  });
  const missing = reasons.length === 0 ? "" : `what is missing\n${reasons.join("")}`;
  return `the model's operators, and whether Dyadic imports them\n${table(rows)}${missing}`;
}
