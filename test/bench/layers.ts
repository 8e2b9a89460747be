// `--layers`: where one engine spends its time, step by step.
import type { Build } from "../../src/runtime/builds.ts";
import { loadModel } from "../../src/runtime/engine.ts";
import { openEngine, run, setInputs } from "../cases/engine.ts";
import { table } from "./columns.ts";
import { type BenchModel, nodeMacs } from "./compiled.ts";
import { interleave, PROTOCOL } from "./interleave.ts";
import { watchProcess } from "./machine.ts";

const STEP_PROTOCOL = { ...PROTOCOL, rounds: 7, batchMs: 5, warmUpMs: [100, 500] } as const;

/** Milliseconds and GMAC/s of every step, each repeated alone: its operands are in cache, as in small networks. */
export async function layerTable(model: BenchModel, build: Build): Promise<string> {
  const { integer } = model;
  const engine = await openEngine(build);
  loadModel(engine, model.dyad, model.name);
  setInputs(engine, [model.samples[0]!]);
  run(engine, 0, engine.step_count());
  const steps = Array.from({ length: engine.step_count() }, (_, step) => {
    const node = integer.nodes[step - integer.inputs.length];
    const op = node?.op ?? (step < integer.inputs.length ? "input" : "output");
    return { node, op, task: { name: op, run: () => run(engine, step, step + 1) } };
  });
  const whole = { name: "all", run: () => run(engine, 0, steps.length) };
  const tasks = [whole, ...steps.map(({ task }) => task)];
  const [all, ...timings] = await interleave(tasks, STEP_PROTOCOL, watchProcess, () => {});
  const sum = timings.reduce((total, { minimumMs }) => total + minimumMs, 0);
  const rows = steps.map(({ node, op }, step) => {
    const { minimumMs } = timings[step]!;
    const macs = node === undefined ? 0 : nodeMacs(integer, node);
    const shapes = node && [...node.inputs, node.output].map((t) => integer.tensors[t]!.shape.join("x"));
    const { kernel, stride } = (node?.parameters ?? {}) as Record<string, readonly number[] | undefined>;
    return [
      `${step}`,
      op,
      shapes === undefined ? "" : `${shapes.slice(0, -1).join(" + ")} -> ${shapes.at(-1)}`,
      kernel === undefined ? "" : `${kernel.join("x")} /${stride?.[0]}`,
      minimumMs.toFixed(5),
      `${((100 * minimumMs) / sum).toFixed(1)} %`,
      macs === 0 ? "" : (macs / minimumMs / 1e6).toFixed(1),
    ];
  });
  const title = `${model.name}, ${build}, self-test ${engine.self_test()}: whole run ${all!.minimumMs.toFixed(4)} ms, `;
  const head = ["step", "op", "shapes", "kernel", "ms", "share", "GMAC/s"];
  return `${title}sum of steps ${sum.toFixed(4)} ms\n\n${table([head, ...rows])}`;
}
