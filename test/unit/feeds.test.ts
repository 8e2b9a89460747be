import { expect, test } from "vitest";
import type { IoTensor } from "../../src/model/io.ts";
import { encodeInput, turnInputs } from "../../src/runtime/feeds.ts";
import { type Build, hasRelaxed, openEngine } from "../cases/engine.ts";

const BUILDS: readonly Build[] = [
  "engine-scalar",
  "engine",
  ...(hasRelaxed ? (["engine-relaxed"] as const) : []),
];

test.each(BUILDS)(
  "bytes become codes wherever they go, and nothing beside them changes: %s",
  async (build) => {
    const engine = await openEngine(build);
    const at = engine.reserve(64);
    const memory = new Int8Array(engine.memory.buffer, at, 32);
    for (let offset = 0; offset < 8; offset++) {
      for (let length = 0; length < 20; length++) {
        memory.fill(7);
        const given = Uint8Array.from({ length }, (_, i) => (37 * (i + offset)) % 256);
        const io = { name: "x", role: "input", dtype: "uint8", bytes: length } as IoTensor;
        encodeInput(given, io, memory.subarray(offset, offset + length));
        turnInputs({ ...engine, input_ptr: () => at + offset }, [io]);
        expect([...memory.subarray(offset, offset + length)]).toEqual([...given].map((byte) => byte - 128));
        expect(memory.filter((_, i) => i < offset || i >= offset + length).every((code) => code === 7)).toBe(
          true,
        );
      }
    }
  },
);

test("floats become the same codes, whether the input declares them signed or not", async () => {
  const engine = await openEngine("engine");
  const at = engine.reserve(64);
  const values = Float32Array.of(-1e9, -1, -0.25, 0, 0.25, 1, 1e9);
  const codes = (["uint8", "int8"] as const).map((dtype) => {
    const zeroPoint = dtype === "uint8" ? 130 : 2;
    const io = { name: "x", role: "input", dtype, bytes: values.length, scale: 0.5, zeroPoint } as IoTensor;
    const target = new Int8Array(engine.memory.buffer, at, values.length);
    encodeInput(values, io, target);
    turnInputs({ ...engine, input_ptr: () => at }, [io]);
    return [...target];
  });
  expect(codes).toEqual([codes[1], [-128, 0, 2, 2, 3, 4, 127]]);
});
