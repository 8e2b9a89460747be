import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { ROOT } from "../cases/sources.ts";

const MEBIBYTE = 2 ** 20;

test("10,000 sessions created, run and disposed: every answer right, memory flat", async () => {
  const script = join(ROOT, "test/build/soak.mjs");
  await build({
    entryPoints: [join(ROOT, "test/cases/soak.ts")],
    outfile: script,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "silent",
  });
  const args = ["--expose-gc", script, join(ROOT, "models/digits/digits.dyad"), "10000"];
  const { different, memory } = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
  const mebibytes = (key: string): number[] =>
    memory.map((at: Record<string, number>) => at[key]! / MEBIBYTE);
  const [resident, used] = [mebibytes("rss"), mebibytes("used")];
  const text = (list: number[]) => list.map((value) => value.toFixed(1)).join(" ");
  console.log(`MiB every 1,000 sessions: resident ${text(resident)}; used ${text(used)}`);
  expect(different).toBe(0);
  expect(memory).toHaveLength(10);
  expect(Math.max(...used) - used[0]!).toBeLessThan(1);
  expect(Math.max(...resident) - resident[0]!).toBeLessThan(64); // one engine memory lost a session would be 1,250
});
