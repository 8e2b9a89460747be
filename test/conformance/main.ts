// Runs ONNX's backend tests and compares what became of each with the committed table: results/README.md.
// Bundled to dist/test, from where the URLs below count. `--write` writes the table anew. A wrong result is a failure in any case.
import { readFileSync, writeFileSync } from "node:fs";
import { OPERATORS } from "../../src/import/onnx/operators.ts";
import { readCases } from "./cases.ts";
import { judge, type Verdict } from "./judge.ts";
import { tableOf } from "./table.ts";

const TABLE = new URL("../../test/conformance/results/README.md", import.meta.url);

const { onnx, cases } = readCases(new URL("../../test/conformance/build/cases", import.meta.url).pathname);
const results: { name: string; operators: readonly string[]; verdict: Verdict }[] = [];
for (const one of cases) {
  try {
    results.push({ ...one, verdict: await judge(one) });
  } catch (error) {
    results.push({ ...one, verdict: { kind: "wrong", what: (error as Error).stack ?? `${error}` } });
  }
}
const table = tableOf(onnx, results, Object.keys(OPERATORS));
const wrong = results.filter(({ verdict }) => verdict.kind === "wrong");
for (const { name, verdict } of wrong) console.log(`WRONG ${name}: ${"what" in verdict && verdict.what}`);
const known = process.argv.includes("--write") ? table : readFileSync(TABLE, "utf8");
if (process.argv.includes("--write")) writeFileSync(TABLE, table);
console.log(table.split("\n## ")[0]);
if (known !== table) {
  console.log(
    "results/README.md says otherwise; after a change that is meant, write it anew: npm test -- --write",
  );
}
process.exitCode = wrong.length > 0 || known !== table ? 1 : 0;
