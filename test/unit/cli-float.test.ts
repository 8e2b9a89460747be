import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { jpgFile, npyFile, pngFile } from "../cases/files.ts";
import { attributes, buildOnnx, float } from "../cases/onnx.ts";
import { Random } from "../cases/random.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dyadic-float-"));
afterAll(() => rmSync(folder, { recursive: true }));

function dyadic(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const json = (...args: string[]) => {
  const { status, stdout, stderr } = dyadic(...args, "--json");
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout);
};

function write(name: string, bytes: string | Uint8Array): string {
  writeFileSync(join(folder, name), bytes);
  return name;
}

/** Two convolutions, a mean, five logits; named layers. */
function smallNetwork(metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const padded = attributes({ pads: [1, 1, 1, 1], kernel_shape: [3, 3] });
  return buildOnnx({
    inputs: [{ name: "image", shape: [1, 3, 8, 8] }],
    outputs: ["logits"],
    initializers: { w: float([8, 3, 3, 3]), v: float([8, 8, 3, 3]), m: float([5, 8]) },
    nodes: [
      { op: "Conv", name: "stem", inputs: ["image", "w"], outputs: ["a"], attributes: padded },
      { op: "Relu", name: "stem/relu", inputs: ["a"], outputs: ["b"] },
      { op: "Conv", name: "body", inputs: ["b", "v"], outputs: ["c"], attributes: padded },
      { op: "GlobalAveragePool", name: "pool", inputs: ["c"], outputs: ["d"] },
      { op: "Flatten", name: "flat", inputs: ["d"], outputs: ["e"] },
      {
        op: "Gemm",
        name: "head",
        inputs: ["e", "m"],
        outputs: ["logits"],
        attributes: attributes({ transB: 1 }),
      },
    ],
    metadata,
  });
}

const random = new Random(7);
const bytes = Uint8Array.from({ length: 6 * 192 }, () => random.integer(0, 255));
const reals = Float32Array.from(bytes, (u8) => u8 / 255);
const model = write("small.onnx", smallNetwork());
const pixels = write("pixels.npy", npyFile("|u1", [6, 3, 8, 8], bytes));
const values = write("values.npy", npyFile("<f4", [6, 3, 8, 8], reals));
mkdirSync(join(folder, "pictures"));
const colour = (x: number, y: number) => [30 * x, 30 * y, 15 * (x + y), 255] as const;
write("pictures/a.png", pngFile(8, 8, colour));
write("pictures/b.jpg", jpgFile(16, 12, [200, 100, 50]));
write("pictures/notes.txt", "not a picture");

test("a float model compiled with samples runs close to the float one", () => {
  const compiled = json("compile", model, "--calibrate", values, "-o", "values.dyad");
  expect(compiled.policy).toEqual({
    version: 1,
    biasCorrection: true,
    defaults: { weightBits: 8, activationBits: 8, granularity: "channel", rounding: "nearest" },
    overrides: [],
  });
  const { layers, firstApart, a, b } = json("compare", model, "values.dyad", "--input", values);
  expect([a.kind, b.kind, firstApart]).toEqual(["float", "integer", null]);
  expect(layers.map(({ op }: { op: string }) => op)).toEqual(expect.arrayContaining(["conv", "dense"]));
  const [{ data }] = json(
    "run",
    "values.dyad",
    "--input",
    write("one.npy", npyFile("<f4", [3, 8, 8], reals.subarray(0, 192))),
  ).outputs;
  expect(data).toHaveLength(5);
});

test("bytes divided by 255 are codes themselves", () => {
  json("compile", model, "--calibrate", pixels, "--scale", "255", "-o", "pixels.dyad");
  const { inputs } = json("inspect", "pixels.dyad");
  expect(inputs[0]).toMatchObject({ dtype: "uint8", zeroPoint: 0, scale: Math.fround(1 / 255) });
  expect(json("compare", model, "pixels.dyad", "--input", pixels, "--scale", "255").firstApart).toBe(null);
});

test("pictures in a folder, on the way to run, eval, bench and inspect", () => {
  const float = ["--calibrate", "pictures", "--scale", "255", "--observer", "minmax"];
  expect(json("run", model, ...float, "--input", "pictures/a.png").outputs[0].data).toHaveLength(5);
  const labels = write("y.npy", npyFile("<i4", [6], new Int32Array(6)));
  expect(json("eval", model, ...float, "--inputs", pixels, "--labels", labels).n).toBe(6);
  expect(json("inspect", model, ...float).policy.version).toBe(1);
  expect(json("inspect", model, ...float).header.metadata).toMatchObject({
    "calibration.observer": "minmax",
    "calibration.samples": "2",
  });
});

test("check and bench need no samples: sizes and times do not depend on them", () => {
  const checked = json("check", model);
  expect(checked).toMatchObject({ supported: true, ops: { conv: 2, dense: 1 } });
  expect(json("bench", model, "--seconds", "0.05").macs).toBe(checked.macs);
  expect(dyadic("inspect", model, "--stage", "simplify").stdout).toContain("# stem");
});

test("a cache serves the same samples, and is made anew for others", () => {
  const compile = (samples: string, out: string) =>
    json("compile", model, "--calibrate", samples, "--cache", "seen.json", "-o", out);
  compile(values, "first.dyad");
  const cache = readFileSync(join(folder, "seen.json"), "utf8");
  compile(values, "second.dyad");
  expect(readFileSync(join(folder, "second.dyad"))).toEqual(readFileSync(join(folder, "first.dyad")));
  json("compile", model, "--cache", "seen.json", "-o", "third.dyad");
  expect(readFileSync(join(folder, "third.dyad"))).toEqual(readFileSync(join(folder, "first.dyad")));
  rmSync(join(folder, "seen.json.layers"));
  const uncorrected = json("compile", model, "--cache", "seen.json", "-o", "third.dyad");
  expect(uncorrected.policy.biasCorrection).toBe(false);
  const half = write("half.npy", npyFile("<f4", [3, 3, 8, 8], reals.subarray(0, 576)));
  compile(half, "fourth.dyad");
  expect(readFileSync(join(folder, "seen.json"), "utf8")).not.toBe(cache);
});

test("the model's own policy holds, and --policy before it", () => {
  const own = { version: 1, defaults: { weightBits: 8 }, overrides: [{ layers: "nobody", weightBits: 8 }] };
  const annotated = write("annotated.onnx", smallNetwork({ "dyadic.policy": JSON.stringify(own) }));
  const { status, stderr } = dyadic("compile", annotated, "--calibrate", values, "-o", "annotated.dyad");
  expect([status, stderr]).toEqual([1, expect.stringContaining("overrides[0] of the policy fits no layer")]);
  const policy = write("policy.json", JSON.stringify({ version: 1 }));
  json("compile", annotated, "--calibrate", values, "--policy", policy, "-o", "annotated.dyad");
  const effective = json("inspect", "annotated.dyad").policy;
  const again = write("effective.json", JSON.stringify(effective));
  json("compile", annotated, "--calibrate", values, "--policy", again, "-o", "again.dyad");
  expect(json("inspect", "again.dyad").policy).toEqual(effective);
});

describe("bad input exits with 1, names what is wrong, writes nothing", () => {
  mkdirSync(join(folder, "empty"));
  mkdirSync(join(folder, "broken"));
  write("broken/good.png", pngFile(8, 8, colour));
  write("broken/torn.png", pngFile(8, 8, colour).subarray(0, 60));
  const nan = Float32Array.from(reals, (value, i) => (i === 200 ? Number.NaN : value));
  write("nan.npy", npyFile("<f4", [6, 3, 8, 8], nan));
  write("none.npy", npyFile("<f4", [0, 3, 8, 8], new Float32Array(0)));
  write("shape.npy", npyFile("<f4", [6, 3, 4, 4], reals.subarray(0, 288)));
  write("wrong.json", '{"version": 1, "overrides": [{"layers": "stem", "weightBits": 12}]}');
  write("other.json", '{"format": "dyadic-calibration", "version": 1, "graph": "0"}');
  test.each([
    [[], /float model needs samples[\s\S]*--calibrate/],
    [["--calibrate", "empty"], /^dyadic: .*empty: the folder has no pictures/],
    [["--calibrate", "missing"], /missing/],
    [["--calibrate", "broken"], /broken.torn\.png/],
    [["--calibrate", "nan.npy"], /nan\.npy[\s\S]*NaN at \[1, 0, 1, 0\]/],
    [["--calibrate", "none.npy"], /none\.npy: the array is empty/],
    [["--calibrate", "shape.npy"], /shape\.npy[\s\S]*\[6, 3, 4, 4\]/],
    [["--calibrate", "small.onnx"], /small\.onnx[\s\S]*folder/],
    [["--calibrate", "values.npy", "--policy", "wrong.json"], /wrong\.json.*overrides\[0\]\.weightBits/],
    [["--calibrate", "values.npy", "--policy", "wrong.json", "--bits", "8"], /exclude each other/],
    [["--calibrate", "values.npy", "--cache", "other.json"], /other\.json.*another model/],
    [["--calibrate", "pixels.npy", "--mean", "1,2", "--std", "1"], /1 or 3 numbers/],
    [["--calibrate", "values.npy", "--bits", "9"], /--bits/],
    [["--calibrate", "values.npy", "--observer", "best"], /--observer/],
  ])("%j", (options, message) => {
    const before = readdirSync(folder);
    const { status, stderr, stdout } = dyadic("compile", model, ...options, "-o", "never.dyad");
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([1, ""]);
    expect(readdirSync(folder)).toEqual(before);
  });

  test("a width that no op around it takes is told, and left at 8", () => {
    const policy = write(
      "wide.json",
      '{"version": 1, "overrides": [{"layers": "stem", "activationBits": 16}, {"layers": "he*", "activationBits": 4}]}',
    );
    const result = json("compile", model, "--calibrate", values, "--policy", policy, "-o", "wide.dyad");
    expect(result.adjusted).toEqual([
      { tensor: expect.any(String), wanted: 16, bits: 8, because: 'conv "body" reads no 16 bits' },
      { tensor: "logits", wanted: 4, bits: 8, because: '"logits" is a border of the model' },
    ]);
    const { stdout } = dyadic("compile", model, "--calibrate", values, "--policy", policy, "-o", "wide.dyad");
    expect(stdout).toContain('has 8 bits instead of 16: conv "body" reads no 16 bits');
  });

  /** One convolution over all of its input, of 71,680 products. */
  const LONG = [70, 32, 32] as const;
  const LENGTH = 70 * 32 * 32;
  const whole = (name: string, op: string) =>
    buildOnnx({
      inputs: [{ name: "x", shape: [1, ...LONG] }],
      outputs: ["y"],
      initializers: { w: float([1, ...LONG], Array(LENGTH).fill(1)) },
      nodes: [{ op, name, inputs: ["x", "w"], outputs: ["y"] }],
    });

  test("a sum that can overflow names the layer, and a policy of fewer bits mends it", () => {
    const long = write("long.onnx", whole("sum", "Conv"));
    const ones = Float32Array.from({ length: 2 * LENGTH }, () => random.between(0, 1));
    write("ones.npy", npyFile("<f4", [2, ...LONG], ones));
    const failed = dyadic("compile", long, "--calibrate", "ones.npy", "-o", "long.dyad");
    expect([failed.status, existsSync(join(folder, "long.dyad"))]).toEqual([2, false]);
    expect(failed.stderr).toMatch(/long\.onnx, node "sum", conv: .*overflow 32 bits[\s\S]*fewer weightBits/);
    write("four.json", '{"version": 1, "defaults": {"weightBits": 4}}');
    const large = dyadic(
      "compile",
      long,
      "--calibrate",
      "ones.npy",
      "--policy",
      "four.json",
      "-o",
      "long.dyad",
    );
    expect([large.status, large.stderr]).toEqual([
      1,
      expect.stringMatching(/node "sum", conv: the second moments of 71680 .*[\s\S]*"nearest"/),
    ]);
    write("near.json", '{"version": 1, "defaults": {"weightBits": 4, "rounding": "nearest"}}');
    expect(
      json("compile", long, "--calibrate", "ones.npy", "--policy", "near.json", "-o", "long.dyad").flashBytes,
    ).toBeGreaterThan(0);
  });

  test("an op that is not supported is named before anything is calibrated", () => {
    const odd = write("odd.onnx", whole("mystery", "Frobnicate"));
    const { status, stderr } = dyadic("compile", odd, "--calibrate", values, "-o", "odd.dyad");
    expect([status, existsSync(join(folder, "odd.dyad"))]).toEqual([2, false]);
    expect(stderr).toMatch(/odd\.onnx[\s\S]*Frobnicate/);
  });

  test("a compiled model takes no samples", () => {
    json("compile", model, "--calibrate", values, "-o", "done.dyad");
    const { status, stderr } = dyadic("inspect", "done.dyad", "--bits", "8");
    expect([status, stderr]).toEqual([1, expect.stringContaining("compiled already")]);
  });
});
