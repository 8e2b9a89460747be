// The engine's exports: the whole ABI, zero imports. One model an instance; memory belongs to the module.
import { ABI_VERSION, OP_INPUT, OP_OUTPUT, PREFIX_BYTES, TENSOR_WINDOW } from "./abi";
import {
  assumeClass,
  borderPtr,
  isLoaded,
  loadFile,
  prefixStatus,
  requiredBytes,
  reserve,
  resetStates,
  runSteps,
  testClass,
} from "./engine";
import { gather, spread, turnSigns } from "./kernels/border";
import { sha256 } from "./sha256";
import { detail0, detail1, detail2, stepCount, tensorCount, tensorRecord, word, work } from "./state";

const PREFIX: usize = memory.data(PREFIX_BYTES, 16);

export function abi_version(): i32 {
  return ABI_VERSION;
}

/** A buffer of 64 bytes for the file's prefix, before anything is reserved. */
export function prefix_ptr(): usize {
  return PREFIX;
}

/** Bytes to reserve for the model with this prefix: file, arena, slack. 0 for a bad one: `prefix_status` says why. */
export function required_bytes(prefix: usize, length: i32): u32 {
  return prefixStatus(prefix, length) == 0 ? requiredBytes(prefix) : 0;
}

export function prefix_status(prefix: usize, length: i32): i32 {
  return prefixStatus(prefix, length);
}


/** Where the last bad status was found; which record and word: src/model/README.md. */
export function error_detail(index: i32): i32 {
  return index == 0 ? detail0 : index == 1 ? detail1 : detail2;
}

/** Multiply-adds, pooled elements and bytes written of one run, in units of 2^20, rounded up. Known before anything runs. */
export function work_mega(): i32 {
  const mega = (work + 0xfffff) >> 20;
  return mega > <i64>i32.MAX_VALUE ? i32.MAX_VALUE : <i32>mega;
}

/** Addresses by io record; dense canonical bytes. 0 where the record is no input or output. */
export function input_ptr(io: i32): usize {
  return borderPtr(OP_INPUT, io);
}

export function output_ptr(io: i32): usize {
  return borderPtr(OP_OUTPUT, io);
}

export function step_count(): i32 {
  return isLoaded() ? stepCount : 0;
}

export function run(): i32 {
  return runSteps(0, stepCount);
}

export function run_steps(from: i32, to: i32): i32 {
  return runSteps(from, to);
}

/** Copies a tensor of the plan out of the arena (or into it, with its halo) as dense canonical bytes. For tools. */
export function read_tensor(index: i32, target: usize): i32 {
  if (!isWhole(index)) return 0;
  gather(tensorRecord(index), target);
  return 1;
}

export function write_tensor(index: i32, source: usize): i32 {
  if (!isWhole(index)) return 0;
  spread(tensorRecord(index), source);
  return 1;
}

/** Whether all of a tensor is in the arena at some time. */
function isWhole(index: i32): bool {
  return isLoaded() && index >= 0 && index < tensorCount && word(tensorRecord(index), TENSOR_WINDOW) == 0;
}

/** The class of the relaxed dot product (DESIGN section 3); may be repeated between runs, as tiers change. */
export function self_test(): i32 {
  return testClass();
}

/** Takes a class as given instead: 0 uses no relaxed instruction at all. Between runs only. */
export function assume_class(dotClass: i32): void {
  assumeClass(dotClass);
}

export { loadFile as load, reserve, resetStates as reset, sha256, turnSigns as turn_signs };
