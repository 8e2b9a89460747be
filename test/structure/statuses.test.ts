import { expect, test } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { STATUS } from "../../src/runtime/engine.ts";
import { sourceText } from "../cases/sources.ts";

const CONSTANTS = abi as Readonly<Record<string, number>>;
const COMMAND = sourceText("assembly/wasi/failure.ts");

/** What a function of the WASI command returns, by the name of the status. */
function returned(name: string): Map<string, string> {
  const start = COMMAND.indexOf(`function ${name}(`);
  expect(start, name).toBeGreaterThanOrEqual(0);
  const body = COMMAND.slice(start, COMMAND.indexOf("\n}", start));
  return new Map(
    Array.from(body.matchAll(/case (\w+):\s*return "([^"]*)";/g), ([, status, text]) => [status!, text!]),
  );
}

test("the host and the WASI command say the same of every status", () => {
  const problems = returned("statusProblem");
  expect(problems.size).toBeGreaterThan(10);
  expect(Object.keys(STATUS).map(Number).sort()).toEqual(
    [...problems.keys()]
      .filter((name) => name !== "BAD_DIGEST")
      .map((name) => CONSTANTS[name]!)
      .sort(),
  );
  for (const [name, problem] of problems) {
    if (name !== "BAD_DIGEST") expect(STATUS[CONSTANTS[name]!]?.[1], name).toBe(problem);
    else expect(sourceText("src/runtime/engine.ts")).toContain(`"${problem}"`); // the host's digest has no status
  }
});

test("the WASI command names every status as the ABI does", () => {
  const names = returned("statusName");
  expect([...names.keys()]).toEqual(expect.arrayContaining([...returned("statusProblem").keys()]));
  for (const [status, name] of names) expect(name).toBe(status);
});
