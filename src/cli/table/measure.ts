// Measures inside a host that has a clock: in Node and in a page. Steps are timed where they are, in whole runs: their
// operands lie in the caches as the steps before them left them.
import { readModel } from "../../model/reader.ts";
import { congruential } from "../../numerics/random.ts";
import { type EngineExports, instantiate, loadModel } from "../../runtime/engine.ts";
import { type Measured, middle, type Progress, type Protocol } from "./job.ts";

/** A batch falls into parts of so many milliseconds, of which the median counts: other processes take some of them. */
const PART_MS = 1;
/** A clock with coarser steps, in milliseconds, cannot time parts: their errors cancel in sums over a whole batch. */
const FINE_MS = 0.001;
/** Empty steps that show what reading the clock around a step costs; of so many parts the median counts. */
const EMPTY_STEPS = 1000;
const EMPTY_PARTS = 9;

interface Subject {
  readonly engine: EngineExports;
  readonly steps: number;
  /** Runs of a part, and parts of a batch. */
  runs: number;
  parts: number;
  readonly times: { whole: number[]; steps: number[][] };
}

/** Times all models on one engine module, in turns. */
export async function measureModels(
  module: WebAssembly.Module,
  models: readonly Uint8Array[],
  protocol: Protocol,
  progress: Progress,
): Promise<Measured> {
  const subjects: Subject[] = [];
  for (const bytes of models) subjects.push(await openSubject(module, bytes));
  for (const [i, subject] of subjects.entries()) {
    progress(`warming up ${i + 1}/${subjects.length}`);
    await warmUp(subject, protocol);
  }
  for (let round = 0; round < protocol.rounds; round++) {
    progress(`round ${round + 1}/${protocol.rounds}`);
    for (let turn = 0; turn < subjects.length; turn++) {
      measureOnce(subjects[(round + turn) % subjects.length]!);
      await idle();
    }
  }
  return { dotClass: subjects[0]!.engine.self_test(), models: subjects.map(({ times }) => times) };
}

async function openSubject(module: WebAssembly.Module, bytes: Uint8Array): Promise<Subject> {
  const engine = await instantiate(module);
  loadModel(engine, bytes, "model");
  fillInputs(engine, bytes);
  const steps = engine.step_count();
  const times = { whole: [], steps: Array.from({ length: steps }, (): number[] => []) };
  return { engine, steps, runs: 1, parts: 1, times };
}

/** Codes without a pattern: kernels may branch on data. */
export function fillInputs(engine: EngineExports, bytes: Uint8Array): void {
  const random = congruential(1);
  readModel(bytes, "model").io.forEach(({ role, bytes: length }, index) => {
    if (role !== "input") return;
    const codes = new Uint8Array(engine.memory.buffer, engine.input_ptr(index) >>> 0, length);
    for (let i = 0; i < length; i++) codes[i] = 256 * random();
  });
}

/** Lets compilers, and the page, have their turn. */
function idle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

async function warmUp(subject: Subject, { batchMs, warmUpMs }: Protocol): Promise<void> {
  const until = performance.now() + warmUpMs;
  let latency = Infinity;
  do {
    const elapsed = runWhole(subject);
    runSteps(subject);
    if (elapsed > 0) latency = elapsed / subject.runs;
    subject.runs = Math.min(subject.runs * 2, Math.max(1, Math.ceil(batchMs / latency)));
    await idle();
  } while (performance.now() < until);
  const partMs = clockMs() <= FINE_MS ? PART_MS : batchMs;
  subject.runs = Math.max(1, Math.round(partMs / latency));
  subject.parts = Math.max(1, Math.round(batchMs / latency / subject.runs));
}

/** The least that the clock goes on by. */
function clockMs(): number {
  let least = Infinity;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    let now = start;
    while (now === start) now = performance.now();
    least = Math.min(least, now - start);
  }
  return least;
}

function measureOnce(subject: Subject): void {
  const { engine, runs, times } = subject;
  const parts = Array.from({ length: subject.parts });
  const nanoseconds = (milliseconds: readonly number[]) => (middle(milliseconds) * 1e6) / runs;
  times.whole.push(nanoseconds(parts.map(() => runWhole(subject))));
  const walks = parts.map(() => runSteps(subject));
  const clock = emptyStep(engine);
  times.steps.forEach((own, k) => {
    own.push(Math.max(0, nanoseconds(walks.map((sums) => sums[k]!)) - clock));
  });
}

/** Milliseconds of whole runs; between two of them control is in JavaScript. */
function runWhole({ engine, runs }: Subject): number {
  const start = performance.now();
  for (let i = 0; i < runs; i++) engine.run();
  return performance.now() - start;
}

/**
 * Milliseconds of every step over as many runs. A clock with coarse steps is read at random points of them, so that
 * its errors cancel in the sums.
 */
function runSteps({ engine, steps, runs }: Subject): Float64Array {
  const sums = new Float64Array(steps);
  for (let i = 0; i < runs; i++) {
    let last = performance.now();
    for (let k = 0; k < steps; k++) {
      engine.run_steps(k, k + 1);
      const now = performance.now();
      sums[k]! += now - last;
      last = now;
    }
  }
  return sums;
}

/** Nanoseconds of calling the engine for nothing, with the clock read around it. */
function emptyStep({ run_steps }: EngineExports): number {
  const parts = Array.from({ length: EMPTY_PARTS }, () => {
    const start = performance.now();
    let last = start;
    for (let i = 0; i < EMPTY_STEPS; i++) {
      run_steps(0, 0);
      last = performance.now();
    }
    return ((last - start) * 1e6) / EMPTY_STEPS;
  });
  return middle(parts);
}
