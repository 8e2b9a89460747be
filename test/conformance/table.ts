// The results as a page: by operator, then every case that did not pass, with its reason.
import type { Verdict } from "./judge.ts";

export interface Result {
  readonly name: string;
  readonly operators: readonly string[];
  readonly verdict: Verdict;
}

const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
const plain = (text: string) => text.replaceAll("|", "/").replaceAll("\n", " ").slice(0, 160);

/** Markdown. `supported` are the operators that the importer has. */
export function tableOf(onnx: string, results: readonly Result[], supported: readonly string[]): string {
  const passed = results.filter(({ verdict }) => verdict.kind === "pass");
  const runs = ({ verdict }: Result) => verdict.kind === "pass" && verdict.engine === null;
  const isKnown = ({ operators }: Result) => operators.every((name) => supported.includes(name));
  const refused = results.filter(({ verdict }) => verdict.kind === "refused");
  const other = refused.filter((result) => !isKnown(result));
  return [
    "# ONNX's backend tests",
    "",
    `The tests that the \`onnx\` package ${onnx} carries: ${results.length} models, most of one operator.`,
    `${passed.length} pass, ${results.filter(runs).length} of them on the engine too; ${refused.length} are refused with a reason,`,
    `${other.length} of these for an operator that is not imported; ${results.length - passed.length - refused.length} are wrong.`,
    "",
    "To pass, the imported graph and the simplified one must give the numbers of the test within its tolerance, codes exactly.",
    "On the engine means: compiled to int8 (a float model is calibrated on the test's input), the scalar and the SIMD build give",
    "the codes of the integer reference, codes of the file exactly, reals within 10 % of the largest.",
    "",
    "Written by `npm test --prefix test/conformance -- --write`; the same command without it compares.",
    "",
    "## By operator",
    "",
    row(["operator", "cases", "pass", "on the engine", "refused"]),
    row(["---", "--:", "--:", "--:", "--:"]),
    ...byOperator(results.filter(isKnown)),
    "",
    "## Passes, but not on the engine",
    "",
    ...reasons(passed.map(({ name, verdict }) => [name, "engine" in verdict ? verdict.engine : null])),
    "",
    "## Refused",
    "",
    ...reasons(
      refused.filter(isKnown).map(({ name, verdict }) => [name, "reason" in verdict ? verdict.reason : null]),
    ),
    "",
    "## With operators that are not imported",
    "",
    ...foreign(other, supported),
    "",
  ].join("\n");
}

/** A row for every operator that has cases of its own, and one for models of several. */
function byOperator(results: readonly Result[]): string[] {
  const groups = groupBy(results, ({ operators }) =>
    operators.length === 1 ? operators[0]! : "several operators",
  );
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, group]) => {
      const count = (test: (verdict: Verdict) => boolean) =>
        group.filter(({ verdict }) => test(verdict)).length;
      return row([
        name,
        group.length,
        count(({ kind }) => kind === "pass"),
        count((verdict) => verdict.kind === "pass" && verdict.engine === null),
        count(({ kind }) => kind === "refused"),
      ]);
    });
}

/** Cases with the same reason in one row. */
function reasons(all: readonly (readonly [name: string, reason: string | null])[]): string[] {
  const groups = groupBy(
    all.filter(([, reason]) => reason !== null),
    ([, reason]) => plain(reason!),
  );
  return [
    row(["reason", "cases"]),
    row(["---", "---"]),
    ...[...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([reason, cases]) => row([reason, cases.map(([name]) => name.replace(/^test_/, "")).join(" ")])),
  ];
}

/** The operators that are missing, and in how many cases. */
function foreign(results: readonly Result[], supported: readonly string[]): string[] {
  const count = new Map<string, number>();
  for (const { operators } of results) {
    for (const name of operators.filter((operator) => !supported.includes(operator))) {
      count.set(name, (count.get(name) ?? 0) + 1);
    }
  }
  const list = [...count].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, cases]) => `${name} ${cases}`);
  return [`By number of cases: ${list.join(", ")}.`];
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}
