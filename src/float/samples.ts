/** One sample: dense NHWC values of every model input, in the order of `graph.inputs`. */
export type Sample = readonly Float32Array[];

/** A set of samples that may be made as they are asked for; an array of samples is one. */
export interface Samples {
  readonly length: number;
  at(index: number): Sample | undefined;
}

export interface Progress {
  /** Aborts between two samples: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every sample. */
  onProgress?(done: number, total: number): void;
}

/** How long to work before other tasks of the event loop (a click on "stop", a redraw) get their turn. */
const TURN_MS = 50;

/** Calls `action` with every sample in order, giving the event loop a turn now and then. */
export async function forEachSample(
  samples: Samples,
  action: (sample: Sample, index: number) => void,
  { signal, onProgress }: Progress = {},
): Promise<void> {
  signal?.throwIfAborted();
  let turn = performance.now();
  for (let index = 0; index < samples.length; index++) {
    action(samples.at(index)!, index);
    onProgress?.(index + 1, samples.length);
    if (performance.now() - turn < TURN_MS) continue;
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    turn = performance.now();
  }
}
