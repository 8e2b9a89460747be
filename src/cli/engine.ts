import { type Build, chooseBuild } from "../runtime/builds.ts";
import { engineModule } from "../runtime/node.ts";

export type EngineChoice = "auto" | "relaxed" | "simd" | "scalar";

const BUILDS: Record<Exclude<EngineChoice, "auto">, Build> = {
  relaxed: "engine-relaxed",
  simd: "engine",
  scalar: "engine-scalar",
};

/** The engine that --engine names; "auto" is the best that this host compiles. */
export function chosenEngine(choice: EngineChoice): Promise<WebAssembly.Module> {
  return engineModule(choice === "auto" ? chooseBuild() : BUILDS[choice]);
}
