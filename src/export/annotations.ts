// What a compiled model says of its layers, in words that a viewer of ONNX files shows.
import { requireHeader } from "../model/header.ts";
import { activationBits, readPlan, weightBits } from "../model/plan-reader.ts";
import { readModel } from "../model/reader.ts";
import { settingsByLayer } from "../precision/layers.ts";
import type { LayerPolicy } from "../precision/policy.ts";
import type { Annotation } from "./onnx/annotate.ts";

/** Where a policy lies in an ONNX file. */
const POLICY = "dyadic.policy";

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
  const settings = settingsByLayer(policy, layers);
  const first = model.io.filter(({ role }) => role === "input").length;
  const annotations = layers.map(({ name, op }, i): [string, Annotation] => {
    const { contract, outputs } = steps[first + i]!;
    const output = outputs[0]!;
    const { dtype, zeroPoint } = tensors[output]!;
    const stored = weightBits(contract);
    const weights = stored === null ? {} : { weightBits: `${stored}` };
    const said = {
      ...weights,
      ...texts(settings.get(name)),
      activationBits: `${activationBits(dtype)}`, // what the plan has, whatever the policy wished
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

function texts(settings: LayerPolicy | undefined): Annotation {
  return Object.fromEntries(Object.entries(settings ?? {}).map(([key, value]) => [key, `${value}`]));
}
