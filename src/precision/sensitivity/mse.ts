import { directProvider } from "./direct.ts";

/** Squared error of the perturbed network's outputs over their power: for outputs that are no classes. */
export const mse = directProvider("mse", "mse");
