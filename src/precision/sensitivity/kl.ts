import { directProvider } from "./direct.ts";

/** Divergence of the perturbed network's class probabilities from the float ones, in nats; no labels. */
export const kl = directProvider("kl", "kl");
