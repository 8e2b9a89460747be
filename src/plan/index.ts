export {
  BANDS,
  dumpLayout,
  type Group,
  type Layout,
  type Member,
  type Placement,
  rowsDone,
  type Scratch,
  scratchBytes,
  stepNames,
} from "./layout.ts";
export { plan } from "./plan.ts";
export { verifyLayout } from "./verify.ts";
export { type Planned, planWithin } from "./within.ts";
