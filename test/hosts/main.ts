// One hash per model: every build, in every host that takes it, must give the bytes of the integer reference.
// A host that is not installed is skipped with its reason; with CI=true in the environment that is a failure.
import { resolve } from "node:path";
import { allHosts, compiledHashes, type Host, nodes, packageDirectory } from "./hosts.ts";
import { type HostModel, prepareModels } from "./models.ts";
import { measureTables } from "./tables.ts";

const count = { passed: 0, failed: 0, skipped: 0 };

process.chdir(packageDirectory);
const directory = resolve("build/models");
const models = prepareModels(directory);
const columns = [22, 16, 20, 28, 10, 6] as const;
const line = (cells: readonly string[]) =>
  cells
    .map((cell, i) => cell.padEnd(columns[i] ?? 0))
    .join("")
    .trimEnd();

console.log(`${models.length} models; the TypeScript reference says:`);
for (const { name, expected, samples } of models) {
  console.log(`  ${name.padEnd(columns[3])} ${expected} (${samples} samples)`);
}
console.log(`\n${line(["host", "version", "build", "model", "hash", "class", "ms"])}`);
for (const host of allHosts()) {
  if ("reason" in host) skip(host.name, host.reason);
  else for (const build of host.builds) await check(host, build);
}
console.log("\nthe compiler, digits.onnx at 4 and 2 bits by every method, on one and two threads:");
const here = compiledHashes(process.execPath);
for (const host of nodes()) {
  if ("reason" in host) skip(host.name, host.reason);
  else checkCompiler(host.name, host.program);
}
console.log("\nlatency tables of digits.onnx, measured where Node is not:");
for (const { name, missing, failure, measured } of await measureTables()) {
  if (missing !== undefined) {
    skip(name, missing);
    continue;
  }
  console.log(line([name, "", "", measured ?? `FAILED: ${failure}`]));
  count[failure === undefined ? "passed" : "failed"]++;
}
console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
process.exitCode = count.failed > 0 ? 1 : 0;

function skip(name: string, reason: string): void {
  const failure = process.env.CI === "true";
  console.log(`${failure ? "FAILED" : "skipped"}: ${name}: ${reason}`);
  count[failure ? "failed" : "skipped"]++;
}

/** Files of a Node's compiler: those of this process's, whatever the number of threads. */
function checkCompiler(name: string, program: string): void {
  const hashes = compiledHashes(program);
  for (const [configuration, hash] of Object.entries(hashes)) {
    const same =
      hash === here[configuration] && hash === here[configuration.replace("2 threads", "1 threads")];
    const cells = [name, "", "compiler", configuration, hash.slice(0, 8)];
    console.log(`${line(cells)}${same ? "" : `  FAILED: expected ${here[configuration]?.slice(0, 8)}`}`);
    count[same ? "passed" : "failed"]++;
  }
}

async function check(host: Host, build: string): Promise<void> {
  try {
    const { dotClass, results } = await host.run(build, directory, models);
    for (const model of models) checkModel(host, build, dotClass, model, results[model.name]);
  } catch (error) {
    console.log(`FAILED: ${host.name} ${host.version} ${build}: ${(error as Error).message}`);
    count.failed += models.length;
  }
}

function checkModel(
  host: Host,
  build: string,
  dotClass: string,
  { name, expected }: HostModel,
  outcome: { hash: string; ms: number } | undefined,
): void {
  const same = outcome?.hash === expected;
  const hash = outcome?.hash.slice(0, 8) ?? "none";
  const cells = [host.name, host.version, build, name, hash, dotClass, outcome?.ms.toFixed(1) ?? ""];
  console.log(`${line(cells)}${same ? "" : `  FAILED: expected ${expected.slice(0, 8)}`}`);
  count[same ? "passed" : "failed"]++;
}
