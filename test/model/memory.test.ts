import { describe, expect, it } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { loadModel } from "../../src/runtime/engine.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { openEngine } from "../cases/engine.ts";
import { GOLDEN_MODELS, importGolden } from "../cases/models.ts";

/** All of a session's wasm memory: engine, file, arena. */
const LIMITS = { kws_ref_model: 256 * 1024, "tf2_mobilenet_v2_1.0_224_ptq": 6.5e6 };

describe.skipIf(assetsDirectory === undefined)("wasm memory with a model loaded", () => {
  it.each(Object.entries(LIMITS))("%s takes at most %i bytes", async (name, limit) => {
    const { model } = compileGraph(importGolden(GOLDEN_MODELS.find((golden) => golden.name === name)!));
    const engine = await openEngine("engine");
    loadModel(engine, model, name);
    const { byteLength } = engine.memory.buffer;
    console.log(`${name}: ${byteLength} bytes of wasm memory, ${model.length} of them the file`);
    expect(byteLength).toBeLessThanOrEqual(limit);
    expect(byteLength).toBeGreaterThan(model.length);
  });
});
