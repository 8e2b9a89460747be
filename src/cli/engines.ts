// What the command line calls the engine's builds and the classes of their dot product.
import { DOT_NONE, DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";

export const BUILDS = { relaxed: "engine-relaxed", simd: "engine", scalar: "engine-scalar" } as const;

/** Names of what `self_test` answers (DESIGN section 3). */
export const CLASSES = {
  [DOT_NONE]: "none",
  [DOT_UNSIGNED]: "U",
  [DOT_PAIR_SATURATING]: "P",
  [DOT_SIGNED]: "S",
} as const;
