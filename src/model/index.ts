export { sha256 } from "../numerics/sha256.ts";
export { modelDigest, verifyDigest } from "./digest.ts";
export { decodeHeader, encodeHeader, type Header, headerOf, requireHeader } from "./header.ts";
export type { IoTensor } from "./io.ts";
export { layerNames } from "./layer-names.ts";
export { type Plan, type PlanStep, type PlanTensor, readPlan } from "./plan-reader.ts";
export { type ModelFile, readModel, type Section } from "./reader.ts";
export { writeModel } from "./writer.ts";
