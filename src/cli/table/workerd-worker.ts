// In workerd: engines with models, run as often as asked. Who asks has the clock.
import engine from "../../../engine.wasm";
import { type EngineExports, instantiate, loadModel } from "../../runtime/engine.ts";
import { fillInputs } from "./measure.ts";

const engines: EngineExports[] = [];

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const number = (name: string) => Number(searchParams.get(name));
    const model = number("model");
    if (pathname === "/load") {
      const bytes = new Uint8Array(await request.arrayBuffer());
      const own = await instantiate(engine);
      loadModel(own, bytes, "model");
      fillInputs(own, bytes);
      engines[model] = own;
    } else {
      const [from, to, runs] = [number("from"), number("to"), number("runs")];
      const { run_steps } = engines[model]!;
      for (let i = 0; i < runs; i++) run_steps(from, to);
    }
    const own = engines[model]!;
    return Response.json({ steps: own.step_count(), dotClass: own.self_test() });
  },
};
