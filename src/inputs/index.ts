// `dyadic/samples`: pictures and arrays as what a float model is calibrated on.

export { decodeJpeg } from "./jpeg.ts";
export type { InputShape } from "./metadata.ts";
export { fittedPicture } from "./picture.ts";
export type { Preparation } from "./preparation.ts";
export type { Picture } from "./resize.ts";
export * from "./samples.ts";
