export { dumpLayout, type Layout, type Placement, type Scratch } from "./layout.ts";
export { plan } from "./plan.ts";
export { verifyLayout } from "./verify.ts";
export { type Planned, planWithin } from "./within.ts";
