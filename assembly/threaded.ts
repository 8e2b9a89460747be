// The engine for threads: every one has an instance of this module on the same shared memory, its one import. The first
// is used as any engine is, once it knows how many there will be; the others call `help` for as long as they live.
export * from "./index";
import { help as helpOnce } from "./executor";
import { helpedShares, setThreads } from "./threads";

/**
 * How many threads there will be, before anything is reserved; the least work of a share, in multiply-adds of a dense
 * product; how often a run looks for the end of a share that a thread has begun before it ends with LOST_THREAD.
 */
export function set_threads(count: i32, leastWork: i32, patience: i64): i32 {
  return setThreads(count, leastWork, patience);
}

/** Shares that helpers have computed so far, of all runs. */
export function helped(): i32 {
  return helpedShares();
}

/** Computes a share of a running step; sleeps until there is one, but may return without. Not on a page's main thread. */
export function help(): void {
  helpOnce();
}
