import { readFileSync } from "node:fs";
import type { Build } from "../../../src/runtime/builds.ts";
import { dyadicSubjects } from "./dyadic.ts";
import { onnxRuntimeNode } from "./onnxruntime-node.ts";
import { onnxRuntimeWeb } from "./onnxruntime-web.ts";
import type { Subject } from "./subject.ts";

/** Peers by package; one that is not installed on this platform is left out and named by `missing`. */
const PEERS = { "onnxruntime-web": onnxRuntimeWeb, "onnxruntime-node": onnxRuntimeNode };

/** What the ratios of the report relate to. */
export const BASELINE = "onnxruntime-web int8";

export async function loadSubjects(missing: (peer: string) => void): Promise<Subject[]> {
  const subjects = await dyadicSubjects(engineBytes);
  for (const [peer, load] of Object.entries(PEERS)) {
    try {
      subjects.push(...(await load()));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
      missing(peer);
    }
  }
  return subjects;
}

function engineBytes(build: Build): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`../../../assembly/build/${build}.wasm`, import.meta.url)));
}
