// How threads share the work of a step. Thread 0 offers the shares of one step at a time in one word of memory; whoever
// takes the next number, thread 0 among them, computes that share. Nobody is waited for who has not begun: a thread that
// sleeps, or was ended, or has no core at the moment costs its help and nothing else.
import { BAD_RANGE, MAX_THREADS, OK } from "./abi";
import { HAS_THREADS } from "./build";
import { THREAD } from "./own";
import { arenaPtr, flip, planPtr, setFile, setFlip, setPlan, setWeights, weightsPtr } from "./state";

const LINE = 64; // bytes that processors pass to each other as one
const LINES: usize = HAS_THREADS ? (memory.data(5 * LINE, 16) + LINE - 1) & ~<usize>(LINE - 1) : 0;
/** u64: address of a step's record, number of its shares, number of the next one; the last two 16 bits each. */
const OFFER: usize = LINES;
/** i32: shares of the step that are done. */
const DONE: usize = LINES + LINE;
/** i32: counts calls to wake up; sleepers wait on it. */
const CALLS: usize = LINES + 2 * LINE;
/** i32: not 0 when somebody may sleep. */
const SLEEPERS: usize = LINES + 2 * LINE + 4;
/** i32: shares that threads but 0 have computed. */
const HELPED: usize = LINES + LINE + 4;
/** What other threads must know of the model: its plan, weights and arena, how bytes are stored, scratch. */
const MODEL: usize = LINES + 3 * LINE;

/** Polls before a thread that finds nothing to do goes to sleep: some 0.1 ms. */
const RESTLESS = 100_000;

/** How many threads compute. */
export let threads: i32 = 1;
/** Least work of a share, in multiply-adds of a dense product. */
export let leastWork: i64 = 1;
/** How often thread 0 looks whether the others are done before it gives up. */
let patience: i64 = 0;
let lost: bool = false;

/** States how many instances there will be, before anything is reserved. */
export function setThreads(count: i32, least: i32, polls: i64): i32 {
  if (count < 1 || count > MAX_THREADS || least < 1) return BAD_RANGE;
  threads = count;
  leastWork = least;
  patience = polls;
  return OK;
}

/** Scratch of the threads but 0, `bytes` each. */
export function setScratch(at: usize, bytes: usize): void {
  store<usize>(MODEL, at, 16);
  store<usize>(MODEL, bytes, 20);
}

/** Where this thread's scratch for a step begins, relative to the arena; thread 0 takes what the plan gives. */
export function scratchAt(planned: i32): i32 {
  if (THREAD == 0) return planned;
  return <i32>(load<usize>(MODEL, 16) + (THREAD - 1) * load<usize>(MODEL, 20) - arenaPtr);
}

/** Tells the other threads of the loaded model. */
export function openRun(): void {
  store<usize>(MODEL, planPtr);
  store<usize>(MODEL, weightsPtr, 4);
  store<usize>(MODEL, arenaPtr, 8);
  store<i32>(MODEL, flip, 12);
}

function wake(): void {
  if (atomic.xchg<i32>(SLEEPERS, 0) == 0) return;
  atomic.add<i32>(CALLS, 1);
  atomic.notify(CALLS, -1);
}

/** Offers a step. */
export function offerShares(step: usize, count: i32): void {
  atomic.store<i32>(DONE, 0);
  atomic.store<u64>(OFFER, (<u64>step << 32) | (count << 16));
  wake();
}

/** The share that was taken last. */
export let takenStep: usize = 0;
export let takenShare: i32 = 0;
export let takenCount: i32 = 0;

/**
 * Takes a share of the step on offer; false where none is left. The word says all there is to know: a thread that read it
 * long ago still takes a share of just that step, whichever run it belongs to by now.
 */
export function takeShare(): bool {
  let offer: u64;
  do {
    offer = atomic.load<u64>(OFFER);
    takenCount = <i32>((offer >> 16) & 0xffff);
    takenShare = <i32>(offer & 0xffff);
    takenStep = <usize>(offer >> 32);
    if (takenShare >= takenCount) return false;
  } while (atomic.cmpxchg<u64>(OFFER, offer, offer + 1) != offer);
  return true;
}

export function finishShare(): void {
  if (THREAD > 0) atomic.add<i32>(HELPED, 1);
  atomic.add<i32>(DONE, 1);
}

export function helpedShares(): i32 {
  return atomic.load<i32>(HELPED);
}

/** Waits for the shares that others took; after as many polls as patience has, they are lost. */
export function awaitShares(count: i32): void {
  for (let polls: i64 = 0; atomic.load<i32>(DONE) != count; polls++) {
    if (polls < patience) continue;
    lost = true;
    return;
  }
}

/** Whether a share was never finished: who had it may still write, and nothing may run in this memory any more. */
export function isLost(): bool {
  return lost;
}

/** A helper's search for a share: some polls, then sleep until there is a call. */
export function seekShare(): bool {
  for (let polls = RESTLESS; polls > 0; polls--) {
    if (takeShare()) return true;
  }
  const calls = atomic.load<i32>(CALLS);
  atomic.store<i32>(SLEEPERS, 1);
  // Whoever offers looks for sleepers after that: an offer that this does not see calls.
  if (takeShare()) return true;
  atomic.wait<i32>(CALLS, calls, -1);
  return false;
}

/** What a helper knows of the model is as thread 0 said last. */
export function adoptModel(): void {
  setPlan(load<usize>(MODEL), 0);
  setWeights(load<usize>(MODEL, 4), 0);
  setFile(0, load<usize>(MODEL, 8), 0);
  setFlip(load<i32>(MODEL, 12));
}
