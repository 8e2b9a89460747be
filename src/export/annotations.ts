// What a compiled model says of its layers, in words that a viewer of ONNX files shows.
import {
  CONTRACT_A8W1,
  CONTRACT_A8W8,
  DTYPE_INT2,
  DTYPE_INT4,
  DTYPE_INT8,
  DTYPE_INT16,
  DTYPE_INT32,
  DTYPE_UINT1,
} from "../../assembly/abi.ts";
import { requireHeader } from "../model/header.ts";
import { readPlan } from "../model/plan-reader.ts";
import { readModel } from "../model/reader.ts";
import { opNamed } from "../ops/index.ts";
import { applyPolicy, parsePolicy } from "../precision/policy.ts";
import type { Annotation } from "./onnx/annotate.ts";

/** Where a policy lies in an ONNX file. */
const POLICY = "dyadic.policy";

const BITS: Readonly<Record<number, number>> = {
  [DTYPE_INT8]: 8,
  [DTYPE_INT4]: 4,
  [DTYPE_INT2]: 2,
  [DTYPE_UINT1]: 1,
  [DTYPE_INT16]: 16,
  [DTYPE_INT32]: 32,
};

export interface Annotations {
  /** For the model: its policy, where it has one, and who compiled it. */
  readonly model: Annotation;
  /** By name of a layer: bits, method, scale and zero point. */
  readonly layers: ReadonlyMap<string, Annotation>;
}

/**
 * Annotations from a `.dyad` file alone. Throws BAD_ARGUMENT for one without a header, whose layers have no names.
 *
 * @param calibrated whether its scales are of real samples; else nothing is said of them
 */
export function annotationsOf(bytes: Uint8Array, file: string, calibrated = true): Annotations {
  const model = readModel(bytes, file);
  const { producer, layers, values, policy } = requireHeader(model, file);
  const { steps, tensors } = readPlan(model);
  const settings = policySettings(policy, layers);
  const first = model.io.filter(({ role }) => role === "input").length;
  const annotations = layers.map(({ name, op }, i): [string, Annotation] => {
    const { contract, outputs } = steps[first + i]!;
    const output = outputs[0]!;
    const { dtype, zeroPoint } = tensors[output]!;
    const stored = contract >= CONTRACT_A8W8 && contract <= CONTRACT_A8W1;
    const weights = stored ? { weightBits: `${8 + CONTRACT_A8W8 - contract}` } : {};
    const said = {
      ...weights,
      activationBits: `${BITS[dtype] ?? 8}`,
      ...settings.get(name),
      op,
      ...(calibrated && { scale: `${values[output]!.scale}`, zeroPoint: `${zeroPoint}` }),
    };
    return [name, Object.fromEntries(Object.entries(said).map(([key, value]) => [`dyadic.${key}`, value]))];
  });
  return {
    model: { ...(policy !== "" && { [POLICY]: policy }), "dyadic.producer": producer },
    layers: new Map(annotations),
  };
}

/** What the policy says of every layer with weights, by name. */
function policySettings(
  policy: string,
  layers: readonly { readonly name: string; readonly op: string }[],
): ReadonlyMap<string, Annotation> {
  if (policy === "") return new Map();
  const nodes = layers
    .filter(({ op }) => opNamed(op).weightAxis !== undefined)
    .map((layer) => ({ ...layer, inputs: [], outputs: [], attributes: {} }));
  const graph = { name: "", tensors: [], nodes, inputs: [], outputs: [] };
  const rows = applyPolicy(graph, parsePolicy(policy));
  return new Map(
    rows.map(({ name, settings }) => [
      name,
      Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, `${value}`])),
    ]),
  );
}
