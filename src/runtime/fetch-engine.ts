// Engines in browsers, by fetch.
import { DyadicError } from "../error.ts";

/** Compiles an engine while it arrives. Throws BAD_FILE where the server does not have it. */
export async function fetchEngine(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new DyadicError("BAD_FILE", "the engine could not be fetched", {
      file: url.href,
      found: `status ${response.status}`,
      hint: "some bundlers do not copy .wasm files: copy it beside the bundle, or pass { module }",
    });
  }
  if (response.headers.get("content-type") === "application/wasm")
    return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}
