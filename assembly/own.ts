// Static memory of a thread. Instances of the threads build share one memory, and with it the addresses of its statics.
// What a kernel writes to while it runs therefore lies OWN bytes further up: thread 0 has it where it is in every other
// build, the others behind the last static, a copy of all statics each. Tables are the same for all, and stay.
import { SECTION_ALIGNMENT } from "./abi";
import { HAS_THREADS } from "./build";

/** How many instances this memory has; a memory begins as zeros, and no instance writes here but by counting itself. */
const INSTANCES: usize = HAS_THREADS ? memory.data(4, 4) : 0;

/** This instance's number among those of its memory, taken as it is made: 0 is the one that loads and runs models. */
export const THREAD: i32 = HAS_THREADS ? atomic.add<i32>(INSTANCES, 1) : 0;

/** Bytes that the statics of so many threads take. */
export function staticBytes(threads: i32): usize {
  return threads * ((__heap_base + SECTION_ALIGNMENT - 1) & ~<usize>(SECTION_ALIGNMENT - 1));
}

/** 0 in builds without threads. */
export const OWN: usize = HAS_THREADS ? staticBytes(THREAD) : 0;
