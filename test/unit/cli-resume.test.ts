// A compilation that is stopped goes on where it was, and its bytes are those of one that was not.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { npyFile } from "../cases/files.ts";
import { attributes, buildOnnx, float } from "../cases/onnx.ts";
import { Random } from "../cases/random.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dyadic-resume-"));
afterAll(() => rmSync(folder, { recursive: true }));

const LAYERS = 8;

/** So many 3x3 convolutions of 16 channels. */
function network(): Uint8Array {
  const padded = attributes({ pads: [1, 1, 1, 1], kernel_shape: [3, 3] });
  const names = Array.from({ length: LAYERS }, (_, i) => `conv${i}`);
  return buildOnnx({
    inputs: [{ name: "image", shape: [1, 16, 16, 16] }],
    outputs: [`r${LAYERS - 1}`],
    initializers: Object.fromEntries(names.map((name) => [`${name}w`, float([16, 16, 3, 3])])),
    nodes: names.flatMap((name, i) => [
      {
        op: "Conv",
        name,
        inputs: [i === 0 ? "image" : `r${i - 1}`, `${name}w`],
        outputs: [name],
        attributes: padded,
      },
      { op: "Relu", name: `${name}/relu`, inputs: [name], outputs: [`r${i}`] },
    ]),
  });
}

const random = new Random(3);
const values = Float32Array.from({ length: 40 * 4096 }, () => random.between(-1, 1));
writeFileSync(join(folder, "model.onnx"), network());
writeFileSync(join(folder, "x.npy"), npyFile("<f4", [40, 16, 16, 16], values));
const ARGUMENTS = ["compile", "model.onnx", "--calibrate", "x.npy", "--bits", "2"];
const read = (name: string) => readFileSync(join(folder, name));
const run = (...options: string[]) =>
  spawnSync(process.execPath, [MAIN, ...ARGUMENTS, ...options], { cwd: folder, encoding: "utf8" });

/** Starts a compilation and stops it by a signal as soon as so many layers are kept. */
function stopped(signal: NodeJS.Signals, kept: number, ...options: string[]) {
  return new Promise<{ code: number | null; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [MAIN, ...ARGUMENTS, ...options], { cwd: folder });
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    const watch = setInterval(() => {
      if (layersIn(`${options.at(-1)}.layers`) < kept) return;
      clearInterval(watch);
      child.kill(signal);
    }, 5);
    child.on("exit", (code) => {
      clearInterval(watch);
      resolve({ code, stderr });
    });
  });
}

function layersIn(name: string): number {
  return existsSync(join(folder, name)) ? read(name).toString().trim().split("\n").length - 1 : 0;
}

expect(run("-o", "whole.dyad").status).toBe(0);

test("Ctrl-C keeps the finished layers beside the output; the same command goes on, to the same bytes", async () => {
  const { code, stderr } = await stopped("SIGINT", 2, "-o", "a.dyad");
  expect([code, stderr]).toEqual([130, expect.stringContaining("a.dyad.layers keep what is finished")]);
  const kept = layersIn("a.dyad.layers");
  expect([kept >= 2 && kept < LAYERS, existsSync(join(folder, "a.dyad"))]).toEqual([true, false]);
  expect(run("-o", "a.dyad").status).toBe(0);
  expect(read("a.dyad")).toEqual(read("whole.dyad"));
  expect(readdirSync(folder).filter((name) => name.startsWith("a.dyad."))).toEqual([]);
});

test.each([
  ["trials", 9],
  ["losses", 6],
])(
  "a budget that is stopped while %s are made goes on from them, to the same bytes",
  async (kind, most) => {
    const [name, whole] = [`${kind}.dyad`, `${kind}-whole.dyad`];
    const budget = ["--bits", "8,4,2", "--flash", "14KiB"];
    const file = `${name}.${kind}`;
    const command = [MAIN, ...ARGUMENTS.slice(0, -2), ...budget, "-o", name];
    const once = (output: string) =>
      spawnSync(process.execPath, [...command.slice(0, -1), output], { cwd: folder, encoding: "utf8" });
    expect(once(whole)).toMatchObject({ status: 0, stderr: "" });
    const lines = () => (existsSync(join(folder, file)) ? read(file).toString().trim().split("\n") : []);
    const child = spawn(process.execPath, command, { cwd: folder });
    await new Promise((resolve) => {
      const watch = setInterval(() => {
        if (lines().length > most) child.kill("SIGKILL");
      }, 2);
      child.on("exit", () => resolve(clearInterval(watch)));
    });
    expect(existsSync(join(folder, name))).toBe(false);
    const before = lines();
    expect(before.length).toBeGreaterThan(most);
    // What is there is not made again: every line that comes is another one.
    const again = spawn(process.execPath, command, { cwd: folder });
    let after = before;
    await new Promise((resolve) => {
      const watch = setInterval(() => {
        const own = lines();
        if (own.length > after.length) after = own;
      }, 2);
      again.on("exit", () => resolve(clearInterval(watch)));
    });
    const keyOf = (line: string) =>
      kind === "losses" ? line.split(" ")[0] : JSON.parse(line.slice(17)).index;
    const kept = (own: readonly string[]) => own.slice(kind === "losses" ? 0 : 1).map(keyOf);
    expect(after.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
    expect(new Set(kept(after)).size).toBe(kept(after).length);
    expect(read(name)).toEqual(read(whole));
    expect(readdirSync(folder).filter((own) => own.startsWith(`${name}.`))).toEqual([]);
  },
  120_000,
);

test("a killed process loses the layer it was at, not the others; a torn line does not count", async () => {
  await stopped("SIGKILL", 3, "-o", "b.dyad", "--cache", "seen.json");
  const file = join(folder, "seen.json.layers");
  const before = layersIn("seen.json.layers");
  expect(before).toBeGreaterThanOrEqual(3);
  const [key, ...lines] = read("seen.json.layers").toString().trim().split("\n");
  writeFileSync(file, `${key}\n${lines.slice(0, 2).join("\n")}\n${lines[2]!.slice(0, 100)}`);
  expect(run("--cache", "seen.json", "-o", "b.dyad").status).toBe(0);
  expect(read("b.dyad")).toEqual(read("whole.dyad"));
  const after = read("seen.json.layers").toString().trim().split("\n");
  expect([after.length - 1, after.slice(0, 3)]).toEqual([LAYERS, [key, ...lines.slice(0, 2)]]);
});

test("with everything kept no sample is needed, and other settings start anew", () => {
  const resumed = spawnSync(
    process.execPath,
    [MAIN, "compile", "model.onnx", "--cache", "seen.json", "--bits", "2", "-o", "c.dyad"],
    { cwd: folder, encoding: "utf8" },
  );
  expect([resumed.status, resumed.stderr]).toEqual([0, ""]);
  expect(read("c.dyad")).toEqual(read("whole.dyad"));
  const other = ["compile", "model.onnx", "--cache", "seen.json", "--bits", "4", "-o", "d.dyad"];
  const { status, stderr } = spawnSync(process.execPath, [MAIN, ...other], { cwd: folder, encoding: "utf8" });
  expect([status, stderr]).toEqual([1, expect.stringMatching(/node "conv1".*needs samples/)]);
});
