import { describe, expect, test } from "vitest";
import { DyadicError } from "../../src/error.ts";
import { readNpy } from "../../src/import/npy.ts";

function npy(header: string, data: ArrayBufferView, version = 1): Uint8Array {
  const head = version === 1 ? 10 : 12;
  const padded = `${header.padEnd(Math.ceil((header.length + 1 + head) / 64) * 64 - head - 1)}\n`;
  const bytes = new Uint8Array(head + padded.length + data.byteLength);
  bytes.set([0x93, ...new TextEncoder().encode("NUMPY"), version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, padded.length, true);
  else view.setUint32(8, padded.length, true);
  bytes.set(new TextEncoder().encode(padded), head);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), head + padded.length);
  return bytes;
}

function dict(descr: string, shape: string, fortran = "False"): string {
  return `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;
}

describe("readNpy", () => {
  test.each([
    ["|i1", Int8Array.of(-1, 2), "int8"],
    ["|u1", Uint8Array.of(255, 2), "uint8"],
    ["<i2", Int16Array.of(-300, 2), "int16"],
    ["<i4", Int32Array.of(-70000, 2), "int32"],
    ["<i8", BigInt64Array.of(-1n, 2n ** 40n), "int64"],
    ["<f4", Float32Array.of(0.5, -2), "float32"],
    ["<f8", Float64Array.of(0.1, -2), "float64"],
  ])("reads %s", (descr, data, dtype) => {
    expect(readNpy(npy(dict(descr, "(2,)"), data))).toEqual({ dtype, shape: [2], data });
  });

  test.each([1, 2, 3])("reads format %i, from any offset in memory", (version) => {
    const bytes = npy(dict("<f4", "(1, 2, 3)"), Float32Array.of(1, 2, 3, 4, 5, 6), version);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(readNpy(shifted.subarray(1)).shape).toEqual([1, 2, 3]);
  });

  test("reads a scalar, an empty array and a Fortran vector", () => {
    expect(readNpy(npy(dict("|i1", "()"), Int8Array.of(7)))).toMatchObject({
      shape: [],
      data: Int8Array.of(7),
    });
    expect(readNpy(npy(dict("|i1", "(0, 3)"), new Int8Array(0))).shape).toEqual([0, 3]);
    expect(readNpy(npy(dict("|i1", "(2, 1)", "True"), new Int8Array(2))).shape).toEqual([2, 1]);
  });

  test.each([
    ["Fortran order", npy(dict("|i1", "(2, 2)", "True"), new Int8Array(4))],
    ["big endian", npy(dict(">f4", "(1,)"), new Float32Array(1))],
    ["objects", npy(dict("|O", "(1,)"), new Int8Array(8))],
    ["too little data", npy(dict("<f4", "(3,)"), new Float32Array(2))],
    ["too much data", npy(dict("<f4", "(1,)"), new Float32Array(2))],
    ["an endless shape", npy(dict("|i1", "(99999999999999999999,)"), new Int8Array(1))],
    [
      "sizes whose product overflows",
      npy(dict("|i1", `(${"9007199254740991, ".repeat(30)})`), new Int8Array(1)),
    ],
    [
      "a record dtype",
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", new Int8Array(4)),
    ],
    ["no magic", new Uint8Array(100)],
    ["an empty file", new Uint8Array(0)],
    ["a header past the end", npy(dict("|i1", "(1,)"), new Int8Array(1)).subarray(0, 20)],
    ["an unknown version", npy(dict("|i1", "(1,)"), new Int8Array(1), 9)],
  ])("refuses %s", (_, bytes) => {
    expect(() => readNpy(bytes, "x.npy")).toThrow(DyadicError);
    expect(() => readNpy(bytes, "x.npy")).toThrow(/^x\.npy: /);
  });
});
