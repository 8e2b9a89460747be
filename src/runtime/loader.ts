import { DyadicError } from "../error.ts";
import type { InferenceSession, SessionOptions } from "./core.ts";

/** How a model is fetched and which engine is taken. */
export interface LoaderOptions {
  /** Whether the relaxed-SIMD engine may be used: where the host has it ("auto"), always, or never. */
  readonly relaxed?: boolean | "auto";
  readonly signal?: AbortSignal;
  /** Called while a model arrives; `total` is 0 where the server does not say. */
  onProgress?(loaded: number, total: number): void;
}

/** Where a model comes from: a URL (in Node also a path), an answer, its bytes, or a module that holds engine and model. */
export type ModelSource = string | URL | Response | Uint8Array | ArrayBuffer | WebAssembly.Module;

/** `InferenceSession.create` of a host. */
export type CreateSession = (
  source: ModelSource,
  options?: SessionOptions & LoaderOptions,
) => Promise<InferenceSession>;

/** The name of a model in messages, where the caller gave none. */
export function sourceName(source: ModelSource): string {
  return typeof source === "string" || source instanceof URL ? `${source}` : "model";
}

/** What a source holds, fetched where it is a URL or an answer. Throws BAD_FILE, or the reason of an aborted signal. */
export async function fetchSource(
  source: ModelSource,
  file: string,
  options: LoaderOptions,
): Promise<Uint8Array | ArrayBuffer | WebAssembly.Module> {
  const { signal } = options;
  if (typeof source === "string" || source instanceof URL) {
    return responseBytes(await fetchModel(source, file, signal), file, options);
  }
  return source instanceof Response ? responseBytes(source, file, options) : source;
}

async function fetchModel(
  url: string | URL,
  file: string,
  signal: AbortSignal | undefined,
): Promise<Response> {
  try {
    return await fetch(url, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new DyadicError("BAD_FILE", "the model could not be fetched", { file, found: `${error}` }, error);
  }
}

/** The body of a response, with progress. Throws BAD_FILE where the server refused or the transfer broke off. */
async function responseBytes(
  response: Response,
  file: string,
  { signal, onProgress }: LoaderOptions,
): Promise<Uint8Array> {
  if (!response.ok || response.body === null) {
    throw new DyadicError("BAD_FILE", "the model could not be fetched", {
      file,
      expected: "an answer with status 200",
      found: `status ${response.status}`,
    });
  }
  const total = Number(response.headers.get("content-length") ?? 0);
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  const reader = response.body.getReader();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      loaded += value.length;
      onProgress?.(loaded, total);
    }
  } catch (error) {
    await reader.cancel().catch(() => {});
    if (signal?.aborted) throw signal.reason;
    throw new DyadicError(
      "BAD_FILE",
      "the download of the model broke off",
      { file, found: `${loaded} bytes` },
      error,
    );
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
