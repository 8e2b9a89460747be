// In workerd: the engine is a module of the Worker, the models lie behind the binding MODELS.
import engine from "./engine.wasm";
import { runModels } from "./run-models.ts";

interface Bindings {
  readonly MODELS: { fetch(url: string): Promise<Response> };
}

export default {
  async fetch(_: Request, { MODELS }: Bindings): Promise<Response> {
    return Response.json(
      await runModels(engine, async (name) => {
        const response = await MODELS.fetch(`http://models/${name}`);
        if (!response.ok) throw new Error(`${name}: status ${response.status}`);
        return new Uint8Array(await response.arrayBuffer());
      }),
    );
  },
};
