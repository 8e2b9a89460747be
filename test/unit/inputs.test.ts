import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { decodeInputs, readInputs } from "../../src/cli/inputs/index.ts";
import { DyadicError } from "../../src/error.ts";
import type { InputMetadata } from "../../src/inputs/metadata.ts";
import { resize } from "../../src/inputs/resize.ts";
import { jpgFile, npyFile, pngFile } from "../cases/files.ts";
import { Random } from "../cases/random.ts";

const grey: InputMetadata = {
  name: "image",
  dtype: "uint8",
  shape: [1, 2, 3, 1],
  layout: "NHWC",
  canonicalShape: [2, 3, 1],
  scale: 1 / 255,
  zeroPoint: 0,
};
const colour: InputMetadata = { ...grey, shape: [1, 2, 3, 3], canonicalShape: [2, 3, 3] };
const planes: InputMetadata = { ...colour, dtype: "int8", shape: [1, 3, 2, 3], layout: "NCHW", scale: 1 };
const signed = (metadata: InputMetadata, scale: number, zeroPoint: number) =>
  ({ ...metadata, dtype: "int8", scale, zeroPoint }) as const;

function problem(action: () => unknown): DyadicError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(DyadicError);
    return error as DyadicError;
  }
  throw new Error("nothing was thrown");
}

describe(".npy", () => {
  const codes = Uint8Array.of(1, 2, 3, 4, 5, 6);

  test.each([[[1, 2, 3, 1]], [[2, 3, 1]], [[2, 3]], [[1, 2, 3]], [[6]], [[1, 6]]])(
    "takes one sample of shape %j",
    (shape) => {
      expect(decodeInputs(npyFile("|u1", shape, codes), "x.npy", grey)).toEqual([codes]);
    },
  );

  test("takes N samples, codes as they are", () => {
    const two = Uint8Array.of(...codes, ...codes.toReversed());
    for (const shape of [
      [2, 2, 3, 1],
      [2, 2, 3],
      [2, 6],
    ]) {
      expect(decodeInputs(npyFile("|u1", shape, two), "x.npy", grey)).toEqual([codes, codes.toReversed()]);
    }
  });

  test("takes uint8 for an int8 model as pixels, and prepares them", () => {
    const file = npyFile("|u1", [2, 3, 1], codes);
    expect(decodeInputs(file, "x.npy", signed(grey, 1, -128))).toEqual([
      Int8Array.from(codes, (v) => v - 128),
    ]);
    expect(decodeInputs(file, "x.npy", grey, { scale: 2.55 })).toEqual([
      Uint8Array.of(100, 200, 255, 255, 255, 255),
    ]);
    expect(problem(() => decodeInputs(file, "x.npy", signed(grey, 0.001, 0))).message).toContain("--mean");
  });

  test("quantizes floats half up and clamps", () => {
    const input = signed(grey, 0.5, -1);
    const reals = [0, 0.25, -0.25, 0.24, 1e9, -1e9];
    const expected = [Int8Array.of(-1, 0, -1, -1, 127, -128)];
    const shape = [2, 3];
    expect(decodeInputs(npyFile("<f4", shape, Float32Array.from(reals)), "x.npy", input)).toEqual(expected);
    expect(decodeInputs(npyFile("<f8", shape, Float64Array.from(reals)), "x.npy", input)).toEqual(expected);
  });

  test("interleaves the planes of an NCHW model, but takes canonical arrays as they are", () => {
    const data = Int8Array.from({ length: 18 }, (_, i) => i);
    const interleaved = Int8Array.from({ length: 18 }, (_, i) => (i % 3) * 6 + Math.floor(i / 3));
    expect(decodeInputs(npyFile("|i1", [1, 3, 2, 3], data), "x.npy", planes)).toEqual([interleaved]);
    expect(decodeInputs(npyFile("|i1", [2, 3, 3], data), "x.npy", planes)).toEqual([data]);
  });

  test("an input with mean and std folded in takes bytes, or numbers with what was done to their bytes", () => {
    const input = { ...signed(colour, 1, 0), dtype: "uint8", zeroPoints: Int32Array.of(124, 116, 104) };
    const bytes = Uint8Array.from({ length: 18 }, (_, i) => 14 * i);
    const preparation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    const reals = Float32Array.from(
      bytes,
      (u8, i) => (u8 / 255 - preparation.mean[i % 3]!) / preparation.std[i % 3]!,
    );
    const floats = npyFile("<f4", [2, 3, 3], reals);
    expect(decodeInputs(npyFile("|u1", [2, 3, 3], bytes), "x.npy", input, preparation)).toEqual([bytes]);
    expect(decodeInputs(floats, "x.npy", input, preparation)).toEqual([bytes]);
    expect(() => decodeInputs(floats, "x.npy", input)).toThrow(/mean and std are folded in/);
  });

  test.each([
    ["another shape", npyFile("|u1", [3, 2, 1], codes), "[1, 2, 3, 1]"],
    ["no samples", npyFile("|u1", [0, 2, 3, 1], new Uint8Array(0)), "empty"],
    ["another dtype", npyFile("|i1", [2, 3], new Int8Array(6)), "uint8"],
    ["wide integers", npyFile("<i4", [2, 3], new Int32Array(6)), "int32"],
    ["NaN", npyFile("<f4", [2, 3], Float32Array.of(0, 0, 0, 0, Number.NaN, 0)), "NaN at [1, 1]"],
    ["infinity", npyFile("<f8", [2, 3], Float64Array.of(-Infinity, 0, 0, 0, 0, 0)), "-Infinity at [0, 0]"],
    ["a broken file", npyFile("|u1", [2, 3], codes).subarray(0, 130), "does not hold its array"],
  ])("refuses %s", (_, bytes, part) => {
    const error = problem(() => decodeInputs(bytes, "x.npy", grey));
    expect(error.code).toBe("BAD_INPUT");
    expect(error.message).toMatch(/^x\.npy: /);
    expect(error.message).toContain(part);
  });
});

describe("pictures", () => {
  const ramp = pngFile(3, 2, (x, y) => [10 * x + 100 * y, 10 * x + 100 * y, 10 * x + 100 * y, 255]);
  const bytes = Uint8Array.of(0, 10, 20, 100, 110, 120);

  test("give their bytes to an input that covers them", () => {
    expect(decodeInputs(ramp, "x.png", grey)).toEqual([bytes]);
    expect(decodeInputs(ramp, "x.PNG", { ...grey, scale: 1 })).toEqual([bytes]);
    const minus128 = Int8Array.from(bytes, (byte) => byte - 128);
    for (const [scale, zeroPoint] of [
      [1 / 255, -128],
      [1, -128],
      [1 / 127.5, 0],
      [0.0078431377, -1],
      [1, 0],
    ] as const) {
      expect(decodeInputs(ramp, "x.png", signed(grey, scale, zeroPoint))).toEqual([minus128]);
    }
  });

  test("invert dark ink, but never alpha", () => {
    const inverted = bytes.map((byte) => 255 - byte);
    expect(decodeInputs(ramp, "x.png", grey, { invert: true })).toEqual([inverted]);
    const four = { ...grey, shape: [1, 1, 1, 4], canonicalShape: [1, 1, 4] } as const;
    const pixel = pngFile(1, 1, () => [1, 2, 3, 77]);
    expect(decodeInputs(pixel, "x.png", four, { invert: true })).toEqual([Uint8Array.of(254, 253, 252, 77)]);
  });

  test("become luma, over white where they are transparent", () => {
    const mixed = pngFile(3, 2, (x, y) =>
      y === 0 ? [255 * +(x === 0), 255 * +(x === 1), 255 * +(x === 2), 255] : [0, 0, 0, 127 * x],
    );
    expect(decodeInputs(mixed, "x.png", grey)).toEqual([Uint8Array.of(76, 150, 29, 255, 128, 1)]);
  });

  test("follow scale, mean and std", () => {
    const input = signed(grey, 0.01, 0);
    const [sample] = decodeInputs(ramp, "x.png", input, { mean: [0.5], std: [0.25] });
    expect(sample).toEqual(Int8Array.of(-128, -128, -128, -43, -27, -12)); // 100 (byte / 255 - 0.5) / 0.25
    expect(decodeInputs(ramp, "x.png", grey, { scale: 510 })[0]![5]).toBe(60);
    expect(decodeInputs(ramp, "x.png", signed(grey, 2, 0))[0]).toEqual(Int8Array.of(0, 5, 10, 50, 55, 60));
  });

  test("have a mean and std per channel", () => {
    const flat = pngFile(3, 2, () => [100, 100, 100, 255]);
    const [sample] = decodeInputs(flat, "x.png", signed(colour, 1, 0), {
      scale: 1,
      mean: [100, 90, 80],
      std: [1, 2, 4],
    });
    expect(sample!.subarray(0, 3)).toEqual(Int8Array.of(0, 5, 5));
  });

  test("of .jpg keep their colours", () => {
    const [sample] = decodeInputs(jpgFile(16, 16, [200, 60, 30]), "x.jpg", colour);
    for (let i = 0; i < 18; i++) expect(Math.abs(sample![i]! - [200, 60, 30][i % 3]!)).toBeLessThan(4);
  });

  test.each([
    ["mean of the wrong length", { mean: [1, 2] }],
    ["std of zero", { std: [0] }],
    ["scale of zero", { scale: 0 }],
    ["mean that is not a number", { mean: [Number.NaN] }],
  ])("refuse a %s", (_, options) => {
    expect(problem(() => decodeInputs(ramp, "x.png", colour, options)).code).toBe("BAD_ARGUMENT");
  });

  test("refuse an input whose values they cannot know, and one that is no picture", () => {
    expect(problem(() => decodeInputs(ramp, "x.png", signed(grey, 0.02, 3))).message).toContain("--mean");
    const two = { ...grey, shape: [1, 2, 3, 2], canonicalShape: [2, 3, 2] } as const;
    expect(problem(() => decodeInputs(ramp, "x.png", two)).code).toBe("BAD_INPUT");
  });

  test("claim no size that is decoded: a small file cannot ask for gigabytes", () => {
    const huge = ramp.slice();
    new DataView(huge.buffer).setUint32(16, 0x7fffffff);
    expect(problem(() => decodeInputs(huge, "x.png", grey)).message).toContain("too large");
  });
});

describe("resize", () => {
  const picture = (width: number, height: number, value: (x: number, y: number) => number) => ({
    width,
    height,
    channels: 1,
    bytes: Uint8Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width))),
  });

  test.each([
    [1, 1],
    [3, 7],
    [28, 28],
    [100, 5],
  ])("keeps one colour one colour at %i x %i", (width, height) => {
    const { bytes } = resize(
      picture(13, 9, () => 201),
      width,
      height,
    );
    expect(new Set(bytes)).toEqual(new Set([201]));
    expect(bytes).toHaveLength(width * height);
  });

  test("keeps the mean of fine stripes when reducing", () => {
    const { bytes } = resize(
      picture(280, 280, (x) => 255 * (x % 2)),
      28,
      28,
    );
    for (const byte of bytes) expect(Math.abs(byte - 127.5)).toBeLessThan(4);
  });

  test("interpolates when enlarging, and mirrors with its input", () => {
    expect(
      resize(
        picture(2, 1, (x) => 100 * x),
        4,
        1,
      ).bytes,
    ).toEqual(Uint8Array.of(0, 25, 75, 100));
    const random = new Random(7);
    const source = picture(17, 5, () => random.integer(0, 255));
    const mirrored = { ...source, bytes: source.bytes.toReversed() };
    expect(resize(mirrored, 6, 4).bytes).toEqual(resize(source, 6, 4).bytes.toReversed());
  });
});

describe("raw bytes", () => {
  test("go in as the model's dtype, several samples too", () => {
    const bytes = Uint8Array.of(0, 1, 127, 128, 254, 255);
    expect(decodeInputs(bytes, "x.raw", grey)).toEqual([bytes]);
    const input = signed(grey, 1, 0);
    expect(decodeInputs(bytes, "x.bin", input)).toEqual([Int8Array.of(0, 1, 127, -128, -2, -1)]);
    expect(decodeInputs(new Uint8Array(12), "x.dat", grey)).toHaveLength(2);
  });

  test.each([
    ["x.raw", 5],
    ["x.raw", 7],
    ["x.raw", 0],
    ["x.npy", 0],
    ["x.png", 0],
    ["x.txt", 6],
    ["x", 6],
  ])("refuses %s of %i bytes", (file, size) => {
    const error = problem(() => decodeInputs(new Uint8Array(size), file, grey));
    expect(error.code).toBe("BAD_INPUT");
    expect(error.place.file).toBe(file);
  });

  test("refuses an input that is not 8 bits wide", () => {
    const wide = { ...grey, dtype: "int16" };
    expect(problem(() => decodeInputs(new Uint8Array(12), "x.raw", wide)).code).toBe("BAD_INPUT");
  });
});

describe("hostile files", () => {
  const files = {
    "x.png": pngFile(9, 7, (x, y) => [x * 20, y * 30, 5, 200]),
    "x.jpg": jpgFile(17, 9, [10, 200, 90]),
    "x.npy": npyFile("<f4", [2, 3], new Float32Array(6)),
  };

  test.each(Object.entries(files))(
    "%s: cut anywhere, it is refused or read, never anything else",
    (file, bytes) => {
      for (let length = 0; length < bytes.length; length++) {
        try {
          decodeInputs(bytes.subarray(0, length), file, grey);
        } catch (error) {
          expect(error).toBeInstanceOf(DyadicError);
        }
      }
    },
  );

  test.each(Object.entries(files))(
    "%s: with wrong bytes, it is refused or read, never anything else",
    (file, bytes) => {
      const random = new Random(bytes.length);
      for (let round = 0; round < 500; round++) {
        const broken = bytes.slice();
        for (let i = random.integer(1, 4); i > 0; i--)
          broken[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
        try {
          decodeInputs(broken, file, grey);
        } catch (error) {
          expect(error).toBeInstanceOf(DyadicError);
        }
      }
    },
  );
});

describe("readInputs", () => {
  test("reads from the disk and names what is missing", () => {
    const folder = mkdtempSync(join(tmpdir(), "dyadic-inputs-"));
    try {
      writeFileSync(join(folder, "x.raw"), Uint8Array.of(1, 2, 3, 4, 5, 6));
      expect(readInputs(join(folder, "x.raw"), grey)).toEqual([Uint8Array.of(1, 2, 3, 4, 5, 6)]);
      const error = problem(() => readInputs(join(folder, "none.raw"), grey));
      expect(error.code).toBe("BAD_INPUT");
      expect(error.message).toContain("none.raw");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
