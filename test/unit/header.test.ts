import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { DyadicError } from "../../src/error.ts";
import { decodeHeader, encodeHeader, type Header } from "../../src/model/header.ts";
import { Random } from "../cases/random.ts";

const schema = readFileSync(new URL("../../src/model/model.proto", import.meta.url), "utf8");
const Reflected = protobuf.parse(schema).root.lookupType("dyadic.Header");

function randomHeader(random: Random): Header {
  const text = () =>
    random.pick(["", "a", "MobilenetV1/Conv2d_0", "größe 图像 🐱", "x".repeat(random.integer(0, 300))]);
  const list = <T>(make: () => T) => Array.from({ length: random.integer(0, 5) }, make);
  return {
    model: text(),
    producer: text(),
    sourceFile: text(),
    sourceSha256: new Uint8Array(random.pick([0, 32])).fill(random.integer(0, 255)),
    layers: list(() => ({ name: random.pick(["block/", ""]) + text(), op: text() })),
    values: list(() => ({ name: text(), scale: random.pick([0, 0.5, 1e-9, 3.25]) })),
    policy: text(),
    metadata: Object.fromEntries(list(() => [text(), text()])),
  };
}

/** Names with what they share with the name before. */
function whole(list: readonly { name: string; shared: number }[]) {
  let before = "";
  return list.map(({ name, shared, ...rest }) => {
    before = before.slice(0, shared) + name;
    return { ...rest, name: before };
  });
}

describe("the header", () => {
  it("says what names share only once", () => {
    const names = Array.from({ length: 50 }, (_, i) => ({ name: `functional_1/stage_${i}/conv`, scale: 1 }));
    const random = new Random(3);
    const header = { ...randomHeader(random), values: names };
    const without = encodeHeader({ ...header, values: [] }).length;
    expect(encodeHeader(header).length - without).toBeLessThan(50 * 24);
    expect(decodeHeader(encodeHeader(header))).toEqual(header);
  });

  it("is what model.proto says, in both directions", () => {
    const random = new Random(21);
    for (let i = 0; i < 100; i++) {
      const header = randomHeader(random);
      const message = Reflected.decode(encodeHeader(header));
      const plain = Reflected.toObject(message, { defaults: true });
      const [layers, values] = [whole(plain.layers), whole(plain.values)];
      const sourceSha256 = Uint8Array.from(plain.sourceSha256);
      expect({ ...plain, layers, values, sourceSha256 }).toEqual(header);
      expect(decodeHeader(Reflected.encode(Reflected.fromObject(header)).finish())).toEqual(header);
      expect(decodeHeader(encodeHeader(header))).toEqual(header);
    }
  });

  it("skips fields of newer versions", () => {
    const newer = protobuf.Writer.create()
      .uint32((99 << 3) | 2)
      .string("later")
      .uint32((98 << 3) | 0)
      .uint32(5);
    newer.uint32((1 << 3) | 2).string("name");
    expect(decodeHeader(newer.finish()).model).toBe("name");
  });

  it("keeps a metadata key that is special in JavaScript", () => {
    const metadata = JSON.parse('{"__proto__": "x", "constructor": "y"}');
    const header = decodeHeader(encodeHeader({ ...randomHeader(new Random(1)), metadata }));
    expect(Object.entries(header.metadata).sort()).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });

  it("throws CORRUPT, and only that, on damaged bytes", () => {
    const random = new Random(22);
    const bytes = encodeHeader({ ...randomHeader(random), layers: [{ name: "layer", op: "conv" }] });
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const damaged = bytes.slice(0, random.integer(0, bytes.length));
      for (let n = 0; n < 3 && damaged.length > 0; n++)
        damaged[random.integer(0, damaged.length - 1)] = random.integer(0, 255);
      try {
        decodeHeader(damaged);
      } catch (error) {
        refused++;
        expect(error).toBeInstanceOf(DyadicError);
        expect((error as DyadicError).code).toBe("CORRUPT");
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
