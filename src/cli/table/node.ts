// This process as a host.
import { type Build, chooseBuild } from "../../runtime/builds.ts";
import { engineModule } from "../../runtime/node.ts";
import type { Host } from "./job.ts";
import { measureModels } from "./measure.ts";

export function openNode(): Host {
  return {
    kind: "node",
    version: `Node ${process.versions.node}, V8 ${process.versions.v8}`,
    builds: hostBuilds(),
    method: "steps in whole runs, between two readings of the clock",
    measure: async (build, models, protocol, progress) =>
      measureModels(
        await engineModule(build),
        models.map(({ bytes }) => bytes),
        protocol,
        progress,
      ),
    close() {},
  };
}

/** Builds that this process compiles, the fastest first. */
export function hostBuilds(): Build[] {
  const all: Build[] = ["engine-relaxed", "engine", "engine-scalar"];
  return all.slice(all.indexOf(chooseBuild()));
}
