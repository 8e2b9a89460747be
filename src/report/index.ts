// `dyadic/report`: what there is to say of a model file, as data, as a page and as parts of one.
export { type Description, describe } from "./describe.ts";
export type { PlottedPoint } from "./frontier.ts";
export { frontierPicture } from "./page/frontier.ts";
export { bodyOf, pageOf } from "./page/index.ts";
export { STYLE } from "./page/style.ts";
export { calibratedBy, type Evidence, type Report, reportOf } from "./report.ts";
