import { InferenceSession as Session } from "../node.ts";
import { factoryOf, type OrtSession } from "./session.ts";

export { DyadicError } from "../../error.ts";
export { env, type RunOptions, type SessionOptions } from "./session.ts";
export { type FromImageOptions, Tensor } from "./tensor.ts";

export type InferenceSession = OrtSession;
export const InferenceSession = factoryOf(Session.create);
