import { expect, test } from "vitest";
import type { IoTensor } from "../../src/model/io.ts";
import { encodeInput } from "../../src/runtime/feeds.ts";

test("bytes become codes wherever they go, and nothing beside them changes", () => {
  for (let offset = 0; offset < 8; offset++) {
    for (let length = 0; length < 20; length++) {
      const memory = new Int8Array(32).fill(7);
      const target = memory.subarray(offset, offset + length);
      const given = Uint8Array.from({ length }, (_, i) => (37 * (i + offset)) % 256);
      encodeInput(given, { name: "x", dtype: "uint8", bytes: length } as IoTensor, target);
      expect([...target]).toEqual([...given].map((byte) => byte - 128));
      expect(memory.filter((_, i) => i < offset || i >= offset + length).every((code) => code === 7)).toBe(
        true,
      );
    }
  }
});
