// `dyadic/compiler`: all that a program needs to compile models, in Node and in pages alike.
export { calibrate } from "../calibrate/calibrate.ts";
export { Calibration } from "../calibrate/calibration.ts";
export * from "../compile.ts";
export { DyadicError, type ErrorCode, type ErrorPlace } from "../error.ts";
export { Survey } from "../import/survey.ts";
export { type LatencyTable, parseLatencyTable } from "../precision/cost/latency-table.ts";
export { type Policy, presetPolicy } from "../precision/policy.ts";
export * from "./draft.ts";
export { type AccuracyGate, compileSmallest, type Smallest, type Trial } from "./smallest.ts";
export { frontier, spending } from "./spending.ts";
