// `dyadic/compiler`: all that a program needs to compile models, in Node and in pages alike.
export { Calibration } from "../calibrate/calibration.ts";
export * from "../compile.ts";
export { DyadicError, type ErrorCode, type ErrorPlace } from "../error.ts";
export { type Policy, presetPolicy } from "../precision/policy.ts";
export * from "./draft.ts";
export { frontier, spending } from "./spending.ts";
