// Starts main.ts, or what the first argument names, under the Node 24 of this package (it strips
// types itself, so nothing is bundled); what is measured in this process, on one thread, is pinned to one core.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const own = here(`node_modules/node-${process.platform}-${process.arch}/bin/node`);
const node = existsSync(own) ? own : process.execPath;
if (node !== own && Number.parseInt(process.versions.node, 10) < 24) {
  console.error(`no Node 24: run npm install in test/bench, or start with it (this is ${process.version})`);
  process.exit(1);
}
const given = process.argv.slice(2);
const mains = {
  "--operators": "operators.ts",
  "--page": "page/main.ts",
  "--latency": "latency.ts",
  "--growth": "growth.ts",
  "--readme": "readme.ts",
  "--kernels": "kernels.ts",
  "--threads": "threads.ts",
};
const main = mains[given[0]] ?? "main.ts";
const core = String(Math.min(1, availableParallelism() - 1));
const alone = main !== mains["--page"] && main !== mains["--threads"];
const pinned = alone && spawnSync("taskset", ["-c", core, "true"]).status === 0;
const command = [
  ...(pinned ? ["taskset", "-c", core] : []),
  node,
  here(main),
  ...given.slice(main === "main.ts" ? 0 : 1),
];
const env = { ...process.env, DYADIC_BENCH_CORE: pinned ? core : "" };
process.exit(spawnSync(command[0], command.slice(1), { stdio: "inherit", env }).status ?? 1);
