import { DyadicError } from "../error.ts";
import type { HostDigest, InferenceSession, OpenSource, SessionOptions } from "./core.ts";

/** Which engine a host's own session takes. */
export interface LoaderOptions extends SessionOptions {
  /** Whether the relaxed-SIMD engine may be used: where the host has it ("auto"), always, or never. */
  readonly relaxed?: boolean | "auto";
}

/** Where a model comes from: a URL (in Node also a path), or what the core session takes. */
export type ModelSource = string | URL | OpenSource;

/** `InferenceSession.create` of a host. */
export type CreateSession = (source: ModelSource, options?: LoaderOptions) => Promise<InferenceSession>;

/** The host's own SHA-256, on another thread; of pages only secure contexts have it. */
export const webDigest: HostDigest | undefined =
  globalThis.crypto?.subtle && ((bytes) => crypto.subtle.digest("SHA-256", bytes));

/** The name of a model in messages, where the caller gave none. */
export function sourceName(source: ModelSource): string {
  return typeof source === "string" || source instanceof URL ? `${source}` : "model";
}

/** A source that needs no fetching any more: a URL becomes its answer. Throws BAD_FILE, or the signal's reason. */
export async function openSource(
  source: ModelSource,
  file: string,
  { signal }: LoaderOptions,
): Promise<OpenSource> {
  if (typeof source !== "string" && !(source instanceof URL)) return source;
  try {
    return await fetch(source, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new DyadicError("BAD_FILE", "the model could not be fetched", { file, found: `${error}` }, error);
  }
}
