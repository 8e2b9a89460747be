// What every host with threads does: each model in sessions of the package on 1 to 4 threads, whose outputs must agree.
import type { InferenceSession, Tensor } from "../../src/runtime/core.ts";
import type { ThreadsOptions } from "../../src/runtime/threads/session.ts";
import type { EngineReport } from "./hosts.ts";
import type { HostModel } from "./models.ts";
import type { ReadFile } from "./run-models.ts";

/** `dyadic/threads`, from dist. */
export interface ThreadsEntry {
  readonly InferenceSession: {
    create(model: Uint8Array, options: ThreadsOptions): Promise<InferenceSession>;
  };
}

const THREADS = [1, 2, 3, 4];

/** The hash of every model; another than a hash where numbers of threads give different ones. */
export async function runSessions({ InferenceSession }: ThreadsEntry, read: ReadFile): Promise<EngineReport> {
  const models = JSON.parse(new TextDecoder().decode(await read("manifest.json"))) as HostModel[];
  const report: EngineReport = { dotClass: "-", results: {} };
  for (const model of models) {
    const [file, input] = [await read(`${model.name}.dyad`), await read(`${model.name}.in`)];
    const hashes = new Set<string>();
    const start = performance.now();
    for (const threads of THREADS) {
      using session = await InferenceSession.create(file, { threads });
      hashes.add(await hashOf(runSamples(session, model, input)));
    }
    report.results[model.name] = { hash: [...hashes].join(" or "), ms: performance.now() - start };
  }
  return report;
}

async function hashOf(outputs: readonly Tensor[]): Promise<string> {
  const parts = outputs.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const bytes = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function runSamples(
  session: InferenceSession,
  { samples, inputs, outputs }: HostModel,
  input: Uint8Array,
): Tensor[] {
  let at = 0;
  return Array.from({ length: samples }, () => {
    const feeds: Record<string, Uint8Array | Int8Array> = {};
    for (const { name, bytes, unsigned } of inputs) {
      const codes = input.slice(at, at + bytes);
      feeds[name] = unsigned ? codes : new Int8Array(codes.buffer);
      at += bytes;
    }
    const answers = session.runSync(feeds);
    return outputs.map(({ name }) => answers[name]!);
  }).flat();
}
