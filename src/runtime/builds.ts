/** The engine's builds, the fastest first; each runs what the one behind it runs, bit for bit. */
export type Build = "engine-relaxed" | "engine" | "engine-scalar";

// The smallest modules that use one relaxed, and one strict SIMD instruction.
const RELAXED =
  "0,97,115,109,1,0,0,0,1,5,1,96,0,1,123,3,2,1,0,10,15,1,13,0,65,0,253,15,65,0,253,15,253,128,2,11";
const SIMD = "0,97,115,109,1,0,0,0,1,5,1,96,0,1,123,3,2,1,0,10,8,1,6,0,65,0,253,15,11";

/** The best build that this host compiles; `relaxed` false leaves relaxed SIMD out, true insists on it. */
export function chooseBuild(relaxed: boolean | "auto" = "auto"): Build {
  if (relaxed === true || (relaxed === "auto" && accepts(RELAXED))) return "engine-relaxed";
  return accepts(SIMD) ? "engine" : "engine-scalar";
}

function accepts(probe: string): boolean {
  return WebAssembly.validate(Uint8Array.from(probe.split(","), Number));
}
