// Cold start of onnxruntime-web's wasm-only bundle, with a model of u8 codes at its border.
import * as ort from "onnxruntime-web";
import type { Codes, Runtime } from "./runtime.ts";

export async function open(): Promise<Runtime> {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  return {
    async load(bytes) {
      const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
      const { shape } = session.inputMetadata[0] as { shape: readonly number[] };
      let result: Codes = new Uint8Array();
      return {
        async run(codes) {
          const feed = new ort.Tensor("uint8", Uint8Array.from(codes), shape);
          result = (await session.run({ [session.inputNames[0]!]: feed }))[session.outputNames[0]!]!
            .data as Codes;
        },
        output: () => result,
        close: () => session.release(),
      };
    },
  };
}
