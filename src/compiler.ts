/** What `dyadic/compiler` exports. */
export * from "./compile.ts";
export { type AccuracyGate, compileSmallest, type Smallest, type Trial } from "./smallest.ts";
