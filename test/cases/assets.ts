import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const candidate =
  process.env.DYADIC_ASSETS ?? fileURLToPath(new URL("../../../shared/assets", import.meta.url));

/** Directory of the real models and data (DYADIC_ASSETS, or beside the repository); null where there is none. */
export const assetsDirectory: string | null = existsSync(join(candidate, "manifest.json")) ? candidate : null;

/** Bytes of one asset. Throws where assets are missing: ask `assetsDirectory` first. */
export function readAsset(path: string): Uint8Array {
  if (assetsDirectory === null)
    throw new Error(`no assets: set DYADIC_ASSETS (${candidate} has no manifest.json)`);
  return new Uint8Array(readFileSync(join(assetsDirectory, path)));
}
