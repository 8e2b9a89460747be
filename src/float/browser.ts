// calibrator.wasm in browsers: by fetch. The URL is a literal, so that bundlers see it.
import { DyadicError } from "../error.ts";

let compiled: Promise<WebAssembly.Module> | undefined;

/** The compiled calibrator; compiled once a page. A failed fetch is tried again next time. */
export function calibratorModule(): Promise<WebAssembly.Module> {
  compiled ??= fetchModule(new URL("../../assembly/build/calibrator.wasm", import.meta.url)).catch(
    (error) => {
      compiled = undefined;
      throw error;
    },
  );
  return compiled;
}

async function fetchModule(url: URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (response.ok) return WebAssembly.compile(await response.arrayBuffer());
  throw new DyadicError("BAD_FILE", "the calibrator could not be fetched", {
    file: url.href,
    found: `status ${response.status}`,
    hint: "some bundlers do not copy .wasm files: copy it beside the bundle",
  });
}
