import { KIND_HEADER } from "../../assembly/abi.ts";
import { decodeHeader } from "./header.ts";
import { readModel } from "./reader.ts";

/**
 * What to call every step of a model's plan: inputs, layers, outputs. Layers of a stripped model have empty names.
 * Throws as `readModel` does.
 */
export function layerNames(bytes: Uint8Array, file?: string): string[] {
  const { io, sections } = readModel(bytes, file);
  const header = sections.find(({ kind }) => kind === KIND_HEADER);
  const layers = header === undefined ? [] : decodeHeader(header.bytes).layers.map(({ name }) => name);
  const borders = (role: string) => io.filter((tensor) => tensor.role === role).map(({ name }) => name);
  return [...borders("input"), ...layers, ...borders("output")];
}
