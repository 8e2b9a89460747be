// Interleaved timing. Not tinybench: it finishes one task before it starts the next, so a change of the clock or of a
// neighbour's load falls on one subject alone, and it reads the clock around every run, which a run of 10 us feels.

export interface Task {
  readonly name: string;
  run(): void | Promise<void>;
}

export interface Protocol {
  readonly rounds: number;
  /** A batch of runs between two readings of the clock lasts at least this long. */
  readonly batchMs: number;
  /** Fewest runs of a batch, so that the caches that the last subject left do not decide. */
  readonly batchRuns: number;
  /** A batch during which the process had the core for less than this share of the time is measured again, */
  readonly undisturbed: number;
  /** at most so often. */
  readonly retries: number;
  /** Warm-up lasts at least, and at most, this long; in between until three windows agree. */
  readonly warmUpMs: readonly [least: number, most: number];
  /** Largest spread of three windows that counts as stable. */
  readonly stable: number;
}

export const PROTOCOL: Protocol = {
  rounds: 11,
  batchMs: 20,
  batchRuns: 3,
  undisturbed: 0.98,
  retries: 15,
  warmUpMs: [1000, 5000],
  stable: 0.03,
};

/** Starts to watch the thread that computes; the answer takes the milliseconds gone by and gives its share of a core. */
export type Watch = () => Promise<(elapsedMs: number) => number | Promise<number>>;

export interface Timing {
  readonly warmUpMs: number;
  readonly runsPerBatch: number;
  /** Milliseconds of one run, a value a round. */
  readonly roundsMs: readonly number[];
  /** Rounds whose every try was disturbed. */
  readonly disturbed: number;
  readonly minimumMs: number;
  readonly medianMs: number;
}

interface Batch {
  readonly elapsed: number;
  /** Share of that time in which the process ran; what other processes took is missing. */
  readonly share: number;
}

/** Milliseconds that `runs` runs take; between two of them control is in JavaScript, so compilers can change tiers. */
async function batch(task: Task, runs: number, watch?: Watch): Promise<Batch> {
  const share = await watch?.();
  const start = performance.now();
  for (let i = 0; i < runs; i++) {
    const pending = task.run();
    if (pending !== undefined) await pending;
  }
  const elapsed = performance.now() - start;
  return { elapsed, share: share === undefined ? 1 : await share(elapsed) };
}

/** The least disturbed of a few batches, as soon as one is not disturbed. */
async function quietBatch(task: Task, runs: number, protocol: Protocol, watch: Watch): Promise<Batch> {
  const { undisturbed, retries } = protocol;
  let best: Batch | undefined;
  for (let attempt = 0; attempt <= retries; attempt++) {
    if (attempt > 0) await pause(10);
    await batch(task, 1); // caches and branch predictors are the last subject's
    const next = await batch(task, runs, watch);
    if (best === undefined || next.share > best.share) best = next;
    if (best.share >= undisturbed) break;
  }
  return best!;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Runs until the latency is stable; returns how long that took, and the latency. */
async function warmUp(
  task: Task,
  { warmUpMs, stable }: Protocol,
): Promise<{ spent: number; latency: number }> {
  const windows: number[] = [];
  let spent = 0;
  let runs = 1;
  for (;;) {
    const { elapsed } = await batch(task, runs);
    spent += elapsed;
    windows.push(elapsed / runs);
    runs = Math.max(1, Math.round((runs * 100) / Math.max(elapsed, 0.01))); // windows of 100 ms
    await pause(1); // lets the compiler's threads have the core
    const last = windows.slice(-3);
    const spread = Math.max(...last) / Math.min(...last) - 1;
    if (spent >= warmUpMs[1] || (spent >= warmUpMs[0] && last.length === 3 && spread <= stable)) {
      return { spent, latency: Math.min(...last) };
    }
  }
}

/** Times all tasks in turns; each round starts with another one, so that nobody always follows the same neighbour. */
export async function interleave(
  tasks: readonly Task[],
  protocol: Protocol,
  watch: Watch,
  progress: (what: string) => void,
): Promise<Timing[]> {
  const states = [];
  for (const task of tasks) {
    progress(`warming up ${task.name}`);
    const { spent, latency } = await warmUp(task, protocol);
    const runs = Math.max(protocol.batchRuns, Math.ceil(protocol.batchMs / latency));
    states.push({ task, spent, runs, batches: [] as Batch[] });
  }
  for (let round = 0; round < protocol.rounds; round++) {
    progress(`round ${round + 1}/${protocol.rounds}`);
    for (let turn = 0; turn < states.length; turn++) {
      const state = states[(round + turn) % states.length]!;
      state.batches.push(await quietBatch(state.task, state.runs, protocol, watch));
    }
  }
  return states.map(({ spent, runs, batches }) => {
    const roundsMs = batches.map(({ elapsed }) => elapsed / runs);
    const disturbed = batches.filter(({ share }) => share < protocol.undisturbed).length;
    const sorted = roundsMs.toSorted((a, b) => a - b);
    const [minimumMs, medianMs] = [sorted[0]!, sorted[sorted.length >> 1]!];
    return { warmUpMs: Math.round(spent), runsPerBatch: runs, roundsMs, disturbed, minimumMs, medianMs };
  });
}
