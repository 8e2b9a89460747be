// Cold start of the package as an application bundles it; its page asked for the engine beside this script.
import { InferenceSession } from "../../../src/runtime/browser.ts";
import type { Codes, Runtime } from "./runtime.ts";

export async function open(): Promise<Runtime> {
  const module = await (globalThis as unknown as { engine: Promise<WebAssembly.Module> }).engine;
  return {
    async load(bytes) {
      const session = await InferenceSession.create(bytes, { module });
      const [input, output] = [session.inputMetadata[0]!.name, session.outputMetadata[0]!.name];
      let result: Codes = new Uint8Array();
      return {
        run(codes) {
          result = session.runSync({ [input]: codes })[output]!.data as Codes;
        },
        output: () => result,
        close: () => session.dispose(),
      };
    },
  };
}
