import { beforeAll, describe, expect, test } from "vitest";
import { type Compiled, compileGraph } from "../../src/compile.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { engineBytes } from "../cases/engine.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";
import { borderBytes, runCommand } from "../cases/wasi.ts";

/** Two inputs of one shape, added: uint8 `left` and int8 `right`. */
function sum(): Compiled {
  const builder = new GraphBuilder("sum");
  const affine = { scale: 1, zeroPoint: 0 };
  const shape = [1, 1, 1, 3] as const;
  const left = builder.input(shape, { ...affine, zeroPoint: -128 }, "uint8"); // 0 among its own codes
  const right = builder.input(shape, affine);
  builder.output(builder.node("add", [left, right], { activation: "none" }, affine));
  return compileGraph(builder.build());
}

const { model, integer } = sum();
const [left, right] = integer.inputs.map(({ name }) => name);
const good = `{"${left}":[1,2,3],"${right}":[-1,0,4]}`;
let command: WebAssembly.Module;

async function answer(args: readonly string[], text: string) {
  const stdin = new TextEncoder().encode(text);
  const result = await runCommand(command, [...args, "m.dyad"], { stdin, files: { "m.dyad": model } });
  const lines = Buffer.from(result.stdout).toString().split("\n").slice(0, -1);
  return { ...result, lines: lines.map((line) => JSON.parse(line)) };
}

/** The codes of the answer's one output, or what the answer complains of. */
const dataOf = ({ outputs, error }: { outputs?: { data: number[] }[]; error?: string }) =>
  outputs?.[0]?.data ?? error;

beforeAll(async () => {
  command = await WebAssembly.compile(engineBytes("dyadic-wasi"));
});

test.each(["dyadic-wasi-scalar", "dyadic-wasi"] as const)(
  "%s: lines give what frames give",
  async (build) => {
    const module = await WebAssembly.compile(engineBytes(build));
    let several = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const source = randomGraph(seed, [8], { states: true });
      const { model: file, integer: graph } = compileGraph(source);
      const samples = [seed, seed + 1000].map((s) => randomInputs(source, s));
      if (graph.inputs.length > 1) several++;
      const lines = samples.map((inputs) => {
        const entries = graph.inputs.map((border, i) => {
          const bytes = borderBytes([inputs[i]!], [border]);
          return [border.name, Array.from(border.dtype === "uint8" ? bytes : Int8Array.from(bytes))] as const;
        });
        return `${JSON.stringify(Object.fromEntries(entries.reverse()))}\r\n`;
      });
      const options = { stdin: Buffer.from(lines.join("\n")), files: { "m.dyad": file } };
      const { stdout, stderr } = await runCommand(module, ["--ndjson", "m.dyad"], options);
      expect(stderr).toBe("");
      const answers = Buffer.from(stdout).toString().trimEnd().split("\n");
      let values = runReference(graph, samples[0]!);
      for (const [i, line] of answers.entries()) {
        if (i > 0) values = runReference(graph, samples[i]!, values);
        const expected = graph.outputs.map(({ tensor, dtype }) =>
          Array.from(values[tensor]!, (code) => code + (dtype === "uint8" ? 128 : 0)),
        );
        expect(
          JSON.parse(line).outputs.map(({ data }: { data: number[] }) => data),
          `seed ${seed}`,
        ).toEqual(expected);
      }
      expect(answers).toHaveLength(2);
    }
    expect(several).toBeGreaterThan(0);
  },
);

test("names in any order, arrays of any depth, spaces, empty lines, no line feed behind the last", async () => {
  const { lines, stderr } = await answer(
    ["--ndjson"],
    `\n${good}\n \r\n{ "${right}" : [ [ [ -1 ], [ 0 ] ], 4 ] , "${left}":[[[[1,2,3]]]]}\n\n${good}`,
  );
  expect(stderr).toBe("");
  expect(lines.map(dataOf)).toEqual([
    [0, 2, 7],
    [0, 2, 7],
    [0, 2, 7],
  ]);
});

const JSON_ERROR = "the line is not an object of arrays of integers";
/** Lines that are no samples; `^` stands before the byte that the error names. */
const WRONG: readonly (readonly [line: string, error: string])[] = [
  ["^[1,2,3]", JSON_ERROR],
  ["{^}", "an input is missing"],
  [`{"${left}":[1,2,3]^}`, "an input is missing"],
  [`{"${left}":[1,2,3],"${left}":[1,2,3]^}`, "an input is missing"],
  [`{"other"^:[1,2,3]}`, "no input has this name"],
  [`{^${left}:[1,2,3]}`, "no input has this name"],
  [`{"${left}":[1,2]^,"${right}":[1,2,3]}`, "an input has too few codes"],
  [`{"${left}":[1,2,3,4^]}`, "an input has too many codes"],
  [`{"${left}":[1,2,256^]}`, "a code is outside the input's type"],
  [`{"${left}":[1,2,-1^]}`, "a code is outside the input's type"],
  [`{"${left}":[1,2,3],"${right}":[-129^,0,0]}`, "a code is outside the input's type"],
  [`{"${left}":[99999999999999999999^,2,3]}`, "a code is outside the input's type"],
  [`{"${left}":[1^.5,2,3]}`, JSON_ERROR],
  [`{"${left}":[^]}`, JSON_ERROR],
  [`{"${left}":[[1,2,3^}`, JSON_ERROR],
  [`{"${left}":^"123"}`, JSON_ERROR],
  [`{"${left}"^`, JSON_ERROR],
  [`${good} ^${good}`, JSON_ERROR],
  [`{"${"x".repeat(4096)}^xx":[1]}`, "no input has this name"],
];

describe.each(WRONG)("wrong line %#", (marked, error) => {
  const [line, byte] = [marked.replace("^", ""), marked.indexOf("^") + 1];

  test("ends the command, which says where", async () => {
    const { code, lines, stderr } = await answer(["--ndjson"], `${good}\n${line}\n${good}\n`);
    expect(lines.map(dataOf)).toEqual([[0, 2, 7]]);
    expect(stderr).toContain(
      `m.dyad: ${error}\n  expected: 6 bytes a sample: "${left}" uint8 [1,1,1,3] "${right}" int8`,
    );
    expect(stderr).toMatch(
      new RegExp(`\\n {2}found: "line":2,"byte":${byte}\\n {2}hint: give lines such as `),
    );
    expect(code).toBe(1);
  });

  test("is answered by a service, which goes on", async () => {
    const { code, lines, stderr } = await answer(["--loop", "--ndjson"], `${good}\n${line}\n${good}\n`);
    expect([code, stderr]).toEqual([0, ""]);
    expect(lines[1]).toEqual({ error, line: 2, byte });
    expect(lines.map(dataOf)).toEqual([[0, 2, 7], error, [0, 2, 7]]);
  });
});

test("a service may have nothing to do; without --loop no input is an error", async () => {
  for (const args of [["--loop"], ["--loop", "--ndjson"]]) {
    expect(await answer(args, "")).toMatchObject({ code: 0, stderr: "", lines: [] });
  }
  for (const args of [[], ["--ndjson"]]) {
    expect(await answer(args, "")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("input is empty"),
    });
  }
});
