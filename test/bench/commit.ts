// What was measured: results are worth nothing if nobody can build the same again.
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** What a benchmark writes itself: a second one of the same commit finds it changed. */
const RESULTS = /^(test\/bench\/results\/|README\.md$)/;

function git(...args: string[]): string {
  return execFileSync("git", args, { cwd: ROOT, encoding: "utf8", stdio: "pipe" });
}

/**
 * The commit whose figures are saved. Throws where the tree differs from it in anything but results, and where an engine is
 * older than its sources.
 */
export function measuredCommit(): string {
  const changed = git("status", "--porcelain", "-z", "--untracked-files=all").split("\0").filter(Boolean);
  const foreign = changed.map((line) => line.slice(3)).filter((path) => !RESULTS.test(path));
  if (foreign.length > 0)
    throw new Error(`--save wants a clean tree, but these differ: ${foreign.join(", ")}`);
  const stale = staleEngines();
  if (stale.length > 0) throw new Error(`${stale.join(", ")} older than assembly/: npm run build:wasm`);
  return git("rev-parse", "--short", "HEAD").trim();
}

function staleEngines(): string[] {
  const time = (path: string) => statSync(join(ROOT, path)).mtimeMs;
  const sources = git("ls-files", "-z", "assembly").split("\0").filter(Boolean);
  const newest = Math.max(...sources.map(time));
  return readdirSync(join(ROOT, "assembly/build"))
    .filter((file) => /^engine.*\.wasm$/.test(file))
    .filter((file) => time(`assembly/build/${file}`) < newest);
}
