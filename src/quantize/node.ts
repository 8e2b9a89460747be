// The samples of a calibration set on worker threads while its network is quantized, for Node, Deno and Bun.
import { canSpread, Threads, threadsFor } from "../float/threads.ts";
import { type Asked, hereAlone, type ShardSamples } from "./shards.ts";
import type { TwinSetup } from "./twins.ts";

const WORKER = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/** Consecutive samples to as many threads as the work is worth, or as are asked for. */
export function onThreads(wanted?: number): ShardSamples {
  return async (setup, signal) => {
    const { graph, samples } = setup;
    const threads = Math.min(wanted ?? threadsFor(graph, samples), samples.length);
    if (threads < 2 || !canSpread(WORKER)) return hereAlone(setup, signal);
    const border = (thread: number) => Math.floor((thread * samples.length) / threads);
    const setups = Array.from({ length: threads }, (_, thread): TwinSetup => {
      const first = border(thread);
      return { ...setup, first, samples: samples.slice(first, border(thread + 1)) };
    });
    const pool = new Threads(WORKER, setups, signal);
    return {
      ask: (question, ...given) => pool.all({ question, given } satisfies Asked),
      end: () => pool.end(),
    };
  };
}
