import { type Compiled, type CompileOptions, compile, isFloat } from "../compile.ts";
import type { Graph } from "../graph/graph.ts";
import { importModel } from "../import/index.ts";
import { simplify } from "../passes/index.ts";

export type DraftOptions = Pick<CompileOptions, "file" | "policy" | "readExternal" | "survey">;

/**
 * Compiles a model for questions of size and time: a float model needs no samples, its ranges are made up, which changes
 * neither. Throws what `compile` throws; a survey has seen every operator by then.
 */
export async function draft(bytes: Uint8Array, options: DraftOptions = {}): Promise<Compiled> {
  const { survey, ...others } = options;
  const isReal = isFloat(simplify(importModel(bytes, options.file, options)));
  if (!isReal && options.policy === undefined) return compile(bytes, others);
  return compile(bytes, { ...others, calibration: madeUp, draft: true });
}

function madeUp({ tensors }: Graph) {
  return new Map(tensors.map((_, tensor) => [tensor, { min: -1, max: 1 }]));
}
