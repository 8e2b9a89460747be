import type { TFLiteWebAPIClient } from "@tensorflow/tfjs-tflite/dist/types/tflite_web_api.js";
import type { Codes, Runtime } from "./runtime.ts";

const PACKAGE = "/packages/@tensorflow/tfjs-tflite/wasm/";

/** The TFLite interpreter under tfjs-tflite, called without tfjs tensors around it; on one thread, since the page is not isolated. */
export async function openTfjsTflite(): Promise<Runtime> {
  const tfweb = await client();
  tfweb.tflite_web_api.setWasmPath(PACKAGE);
  return {
    async load(bytes) {
      const runner = await tfweb.TFLiteWebModelRunner.create(bytes.buffer, { numThreads: 1 });
      const [input, output] = [runner.getInputs()[0]!, runner.getOutputs()[0]!];
      return {
        run(codes) {
          input.data().set(codes);
          if (!runner.infer()) throw new Error("tfjs-tflite could not run the model");
        },
        output: () => output.data().slice() as Codes,
        close: () => runner.cleanUp(),
      };
    },
  };
}

/** Its client is a script that leaves a global. */
async function client(): Promise<TFLiteWebAPIClient> {
  const script = document.createElement("script");
  script.src = `${PACKAGE}tflite_web_api_client.js`;
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return (globalThis as unknown as { tfweb: TFLiteWebAPIClient }).tfweb;
}
