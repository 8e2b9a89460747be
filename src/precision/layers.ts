import { BANDS } from "../plan/index.ts";
import { applyPolicy, type LayerPolicy, parsePolicy } from "./policy.ts";

/** What a policy (JSON, or empty) says of every layer with weights of a compiled model, by name. */
export function settingsByLayer(
  policy: string,
  layers: readonly { readonly name: string; readonly op: string }[],
): ReadonlyMap<string, LayerPolicy> {
  if (policy === "") return new Map();
  const nodes = layers
    .filter(({ op }) => op !== BANDS)
    .map((layer) => ({ ...layer, inputs: [], outputs: [], attributes: {} }));
  const graph = { name: "", tensors: [], nodes, inputs: [], outputs: [] };
  return new Map(applyPolicy(graph, parsePolicy(policy)).map(({ name, settings }) => [name, settings]));
}
