// The engine's functions, shared by the portable module (index.ts), the WASI command (wasi.ts) and the tests (test.ts).
import {
  BAD_RANGE,
  BORDER_IO,
  BORDER_TENSOR,
  DOT_NONE,
  DOT_PAIR_SATURATING,
  DOT_UNSIGNED,
  IO_ROLE,
  IO_TENSOR,
  LOST_THREAD,
  MEMORY_SLACK,
  NOT_LOADED,
  OK,
  OP_INPUT,
  OUT_OF_MEMORY,
  PREFIX_ARENA_BYTES,
  PREFIX_BYTES,
  PREFIX_FILE_BYTES,
  ROLE_STATE,
  SECTION_ALIGNMENT,
  STEP_OPCODE,
  STEP_SCRATCH_BYTES,
} from "./abi";
import { arrange, arrangementOf } from "./arrange";
import { HAS_RELAXED_DOT, HAS_THREADS } from "./build";
import { execute } from "./executor";
import { clear, flipState, inputStage, outputStage } from "./kernels/border";
import { staticBytes } from "./own";
import { takesPacked } from "./parts-scratch";
import { checkFile, checkPrefix } from "./plan";
import { selfTest } from "./self-test";
import { firstStep, flip, ioPtr, ioRecord, nextStep, setFlip, stepCount, tensorRecord, word } from "./state";
import { isLost, openRun, setScratch, threads } from "./threads";

let loaded: bool = false;
let dotClass: i32 = DOT_NONE;

// @ts-ignore: decorator
@inline
function align(value: usize): usize {
  return (value + SECTION_ALIGNMENT - 1) & ~<usize>(SECTION_ALIGNMENT - 1);
}

/** Status of a prefix; on OK, `requiredBytes` is what `reserve` should be given. */
export function prefixStatus(prefix: usize, length: i32): i32 {
  return length < PREFIX_BYTES ? checkFile(prefix, length, 0) : checkPrefix(prefix);
}

/** Bytes for file, arena and slack of the model with this valid prefix; below 2^32 + 2^8, or the maximum of u32. */
export function requiredBytes(prefix: usize): u32 {
  const file = <u64>load<u32>(prefix, PREFIX_FILE_BYTES);
  const total = file + SECTION_ALIGNMENT + load<u32>(prefix, PREFIX_ARENA_BYTES) + MEMORY_SLACK;
  return total > <u64>u32.MAX_VALUE ? u32.MAX_VALUE : <u32>total;
}

/** Grows memory once so that `total` bytes lie behind the statics; returns where, or 0 when the host refuses. */
export function reserve(total: u32): usize {
  const base = HAS_THREADS ? staticBytes(threads) : align(__heap_base);
  const pages = (<u64>base + total + 0xffff) >> 16;
  if (pages > 65535) return 0;
  const missing = <i32>pages - memory.size();
  return missing > 0 && memory.grow(missing) < 0 ? 0 : base;
}

/** Validates the file at `ptr` and brings its constants into this build's order. The file is the engine's own now. */
export function loadFile(ptr: usize, length: i32): i32 {
  loaded = false;
  const arena = align(ptr + length);
  const status = checkFile(ptr, length, arena);
  if (status != OK) return status;
  const end = <u64>arena + load<u32>(ptr, PREFIX_ARENA_BYTES) + MEMORY_SLACK;
  if (end > <u64>memory.size() << 16) return OUT_OF_MEMORY;
  if (HAS_THREADS && !reserveScratch(end)) return OUT_OF_MEMORY;
  if (HAS_RELAXED_DOT && dotClass == DOT_NONE) dotClass = selfTest();
  adopt();
  loaded = true;
  resetStates();
  return OK;
}

/** Gives every thread but 0 as much scratch as the neediest step has. */
function reserveScratch(end: u64): bool {
  let most = 0;
  let step = firstStep();
  for (let i = 0; i < stepCount; i++) {
    if (takesPacked(word(step, STEP_OPCODE))) most = max(most, word(step, STEP_SCRATCH_BYTES));
    step = nextStep(step);
  }
  const bytes = align(most + MEMORY_SLACK);
  const start = align(<usize>end);
  setScratch(start, bytes);
  const total = <u64>start - staticBytes(threads) + <u64>bytes * (threads - 1);
  return total <= <u64>u32.MAX_VALUE && reserve(<u32>total) != 0;
}

/** Arranges every step for the present class. */
function adopt(): void {
  const stored = flip;
  setFlip(dotClass == DOT_UNSIGNED || dotClass == DOT_PAIR_SATURATING ? -128 : 0);
  let step = firstStep();
  for (let i = 0; i < stepCount; i++) {
    arrange(step, arrangementOf(step, dotClass));
    step = nextStep(step);
  }
  if (loaded && flip != stored) changeStates(false);
}

/** Every state becomes real 0, as it was when the model was loaded. */
export function resetStates(): void {
  if (loaded) changeStates(true);
}

/** Clears every state, or turns it into how activation bytes are stored now. */
function changeStates(clearing: bool): void {
  for (let io = 0; io < word(ioPtr, 0); io++) {
    const record = ioRecord(io);
    if (word(record, IO_ROLE) != ROLE_STATE) continue;
    const tensor = tensorRecord(word(record, IO_TENSOR));
    if (clearing) clear(tensor);
    else flipState(tensor);
  }
}

/** Takes a class as given: what a repeated self-test found, or what a test wants to see. */
export function assumeClass(value: i32): void {
  dotClass = value;
  if (loaded) adopt();
}

/** Finds the class of the relaxed dot (DOT_*), and adopts it; DOT_NONE in builds without. Between runs only. */
export function testClass(): i32 {
  if (HAS_RELAXED_DOT) assumeClass(selfTest());
  return dotClass;
}

export function runSteps(from: i32, to: i32): i32 {
  if (!loaded) return NOT_LOADED;
  if (from < 0 || from > to || to > stepCount) return BAD_RANGE;
  if (HAS_THREADS) openRun();
  execute(from, to);
  return HAS_THREADS && isLost() ? LOST_THREAD : OK;
}

/** Address where the host puts an input, or reads an output: dense canonical bytes. 0 when there is no such one. */
export function borderPtr(opcode: i32, io: i32): usize {
  if (!loaded) return 0;
  let step = firstStep();
  for (let i = 0; i < stepCount; i++) {
    if (word(step, STEP_OPCODE) == opcode && word(step, BORDER_IO) == io) {
      const tensor = tensorRecord(word(step, BORDER_TENSOR));
      return opcode == OP_INPUT ? inputStage(tensor) : outputStage(tensor);
    }
    step = nextStep(step);
  }
  return 0;
}

export function isLoaded(): bool {
  return loaded;
}
