// Cold start of the package as an application bundles it; its page asked for the engine beside this script.
import { InferenceSession } from "../../../src/runtime/browser.ts";
import type { Codes, StreamingRuntime } from "./runtime.ts";

export async function open(): Promise<StreamingRuntime> {
  const module = await (globalThis as unknown as { engine: Promise<WebAssembly.Module> }).engine;
  return {
    async load(model) {
      const session = await InferenceSession.create(model, { module });
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
