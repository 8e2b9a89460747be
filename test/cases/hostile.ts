import { createHash } from "node:crypto";
import {
  BANDS_MEMBERS,
  IO_HEADER_BYTES,
  IO_RECORD_BYTES,
  KIND_IO,
  KIND_PLAN,
  KIND_WEIGHTS,
  OP_BANDS,
  PLAN_HEADER_BYTES,
  PLAN_STEP_COUNT,
  PLAN_STEPS_AT,
  PLAN_TENSOR_COUNT,
  PREFIX_ARENA_BYTES,
  PREFIX_BYTES,
  PREFIX_DIGEST,
  PREFIX_FILE_BYTES,
  PREFIX_SECTION_COUNT,
  SECTION_ALIGNMENT,
  SECTION_BYTES,
  SECTION_ENTRY_BYTES,
  SECTION_KIND,
  SECTION_OFFSET,
  STEP_BYTES,
  STEP_HEADER_BYTES,
  STEP_OPCODE,
  TENSOR_BYTES,
  TENSOR_HALO_RIGHT,
  TENSOR_HEIGHT,
  TENSOR_OFFSET,
  TENSOR_WINDOW,
} from "../../assembly/abi.ts";
import type { Random } from "./random.ts";

/** A model file and where its parts lie. */
interface Anatomy {
  readonly file: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  readonly io: Span;
  readonly plan: Span;
  readonly weights: Span;
  readonly tensors: readonly number[];
  /** Byte offsets of the step records, and of their end. */
  readonly steps: readonly number[];
}

interface Span {
  readonly at: number;
  readonly bytes: number;
}

/** One way to damage a file; changes `file` in place or returns other bytes. */
type Mutation = (anatomy: Anatomy, random: Random) => Uint8Array<ArrayBuffer> | undefined;

const EXTREMES = [
  -1,
  0,
  1,
  2,
  3,
  7,
  15,
  63,
  64,
  127,
  128,
  255,
  4096,
  65535,
  65536,
  65537,
  2 ** 20,
  2 ** 23,
  2 ** 28,
  2 ** 30,
  2 ** 31 - 1,
  -(2 ** 31),
  -(2 ** 31) + 1,
  -128,
  -129,
  -65536,
];

/** The mutations by name; every one is drawn equally often. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  truncate: ({ file }, random) => file.slice(0, random.integer(0, file.length - 1)),
  extend: ({ file }, random) => {
    const longer = new Uint8Array(file.length + random.integer(1, 300)).fill(random.integer(0, 255));
    longer.set(file);
    return longer;
  },
  flipBits: ({ file }, random) => {
    for (let n = random.integer(1, 8); n > 0; n--) {
      file[random.integer(0, file.length - 1)]! ^= 1 << random.integer(0, 7);
    }
  },
  overwriteBytes: ({ file }, random) => {
    for (let n = random.integer(1, 4); n > 0; n--) {
      file[random.integer(0, file.length - 1)] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
    }
  },
  overwriteWord: ({ view }, random) => {
    const at = 4 * random.integer(0, Math.floor(view.byteLength / 4) - 1);
    view.setInt32(at, random.pick(EXTREMES), true);
  },
  weights: ({ file, weights }, random) => {
    for (let n = random.integer(1, 40); n > 0; n--) {
      const at = weights.at + random.integer(0, Math.max(0, weights.bytes - 1));
      file[Math.min(at, file.length - 1)] = random.integer(0, 255);
    }
  },
  prefixField: ({ view }, random) => hostileWord(view, 4 * random.integer(0, PREFIX_DIGEST / 4 - 1), random),
  sectionField: ({ view }, random) => {
    const count = view.getUint32(PREFIX_SECTION_COUNT, true);
    hostileWord(view, PREFIX_BYTES + 4 * random.integer(0, (count * SECTION_ENTRY_BYTES) / 4 - 1), random);
  },
  ioField: ({ view, io }, random) =>
    hostileWord(view, io.at + 4 * random.integer(0, (IO_HEADER_BYTES + IO_RECORD_BYTES) / 4), random),
  tensorField: (anatomy, random) => tensorField(anatomy, random),
  tensorFields: (anatomy, random) => {
    for (let n = 0; n < 3; n++) tensorField(anatomy, random);
  },
  geometry: growTensor,
  stepField: (anatomy, random) => stepField(anatomy, random, 0),
  stepParameter: (anatomy, random) => stepField(anatomy, random, STEP_HEADER_BYTES),
  stepParameters: (anatomy, random) => {
    for (let n = 0; n < 3; n++) stepField(anatomy, random, STEP_HEADER_BYTES);
  },
  group: disturbGroup,
  tensorIndex: (anatomy, random) => {
    const at = random.pick(anatomy.steps.slice(0, -1)) + STEP_HEADER_BYTES + 4 * random.integer(0, 2);
    anatomy.view.setInt32(at, random.integer(0, anatomy.tensors.length - 1), true);
  },
  arena: ({ view }, random) => {
    const arena = view.getInt32(PREFIX_ARENA_BYTES, true);
    view.setInt32(PREFIX_ARENA_BYTES, arena + random.pick([-1, -16, -64, -1000, 1, 64, 5000]), true);
  },
  repeatStep: (anatomy, random) => editSteps(anatomy, (steps) => steps.push(random.pick(steps))),
  removeStep: (anatomy, random) =>
    editSteps(anatomy, (steps) => steps.splice(random.integer(0, steps.length - 1), 1)),
  swapSteps: (anatomy, random) =>
    editSteps(anatomy, (steps) => {
      const [a, b] = [random.integer(0, steps.length - 1), random.integer(0, steps.length - 1)];
      [steps[a], steps[b]] = [steps[b]!, steps[a]!];
    }),
  manySteps: (anatomy, random) =>
    editSteps(anatomy, (steps) => {
      const step = random.pick(steps);
      for (let n = random.integer(100, 5000); n > 0; n--) steps.splice(1, 0, step);
    }),
};

/** A damaged copy of a model file; its digest and stated length are as damaged as the rest. */
export function mutate(model: Uint8Array, mutation: string, random: Random): Uint8Array<ArrayBuffer> {
  const anatomy = dissect(new Uint8Array(model));
  return MUTATIONS[mutation]!(anatomy, random) ?? anatomy.file;
}

/** Makes the length and the digest that a file states true, so that a reader must find what else is wrong. */
export function sign(file: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (file.length < PREFIX_BYTES) return file;
  new DataView(file.buffer).setUint32(PREFIX_FILE_BYTES, file.length, true);
  file.fill(0, PREFIX_DIGEST, PREFIX_BYTES);
  file.set(createHash("sha256").update(file).digest(), PREFIX_DIGEST);
  return file;
}

/** Where the parts of an intact file lie. */
export function dissect(file: Uint8Array<ArrayBuffer>): Anatomy {
  const view = new DataView(file.buffer);
  const section = (kind: number): Span => {
    for (let i = 0; i < view.getUint32(PREFIX_SECTION_COUNT, true); i++) {
      const entry = PREFIX_BYTES + i * SECTION_ENTRY_BYTES;
      if (view.getUint32(entry + SECTION_KIND, true) !== kind) continue;
      return {
        at: view.getUint32(entry + SECTION_OFFSET, true),
        bytes: view.getUint32(entry + SECTION_BYTES, true),
      };
    }
    throw new Error(`no section of kind ${kind}`);
  };
  const plan = section(KIND_PLAN);
  const count = view.getInt32(plan.at + PLAN_TENSOR_COUNT, true);
  // A file that was damaged before may claim billions, more than a heap holds.
  const stepCount = view.getInt32(plan.at + PLAN_STEP_COUNT, true);
  const most = Math.max(count * TENSOR_BYTES, 4 * stepCount);
  if (most > view.byteLength) throw new RangeError(`${count} tensors, ${stepCount} steps`);
  const tensors = Array.from({ length: count }, (_, i) => plan.at + PLAN_HEADER_BYTES + i * TENSOR_BYTES);
  const steps = [plan.at + view.getInt32(plan.at + PLAN_STEPS_AT, true)];
  for (let i = 0; i < stepCount; i++) {
    steps.push(steps.at(-1)! + view.getInt32(steps.at(-1)! + STEP_BYTES, true));
  }
  return { file, view, io: section(KIND_IO), plan, weights: section(KIND_WEIGHTS), tensors, steps };
}

/** An extreme value, a value near the old one, or the value of another word. */
function hostileWord(view: DataView, at: number, random: Random): undefined {
  const place = Math.min(at, view.byteLength - 4);
  const old = view.getInt32(place, true);
  const other = view.getInt32(4 * random.integer(0, Math.floor(view.byteLength / 4) - 1), true);
  const near = old + random.pick([-64, -16, -4, -2, -1, 1, 2, 3, 4, 16, 64]);
  view.setInt32(place, random.pick([random.pick(EXTREMES), near, near, old * 2, old >> 1, other]), true);
}

function tensorField({ view, tensors }: Anatomy, random: Random): undefined {
  return hostileWord(view, random.pick(tensors) + 4 * random.integer(0, TENSOR_BYTES / 4 - 1), random);
}

/** Shapes, pitches and halos a little off: what most often passes the checks. The arena grows along. */
function growTensor({ view, tensors }: Anatomy, random: Random): undefined {
  for (let n = random.integer(1, 3); n > 0; n--) {
    const at =
      random.pick(tensors) + TENSOR_HEIGHT + 4 * random.integer(0, (TENSOR_HALO_RIGHT - TENSOR_HEIGHT) / 4);
    view.setInt32(at, view.getInt32(at, true) + random.integer(-2, 2), true);
  }
  if (random.chance(0.5)) {
    view.setInt32(PREFIX_ARENA_BYTES, view.getInt32(PREFIX_ARENA_BYTES, true) + 4096, true);
  }
}

/** A figure of a group, of a window or of a place a little off. */
function disturbGroup({ view, tensors, steps }: Anatomy, random: Random): undefined {
  const groups = steps.slice(0, -1).filter((at) => view.getInt32(at + STEP_OPCODE, true) === OP_BANDS);
  const windows = tensors.filter((at) => view.getInt32(at + TENSOR_WINDOW, true) > 0);
  for (let n = random.integer(1, 2); n > 0; n--) {
    const at = groups.length > 0 ? random.pick(groups) : steps[0]!;
    const words = view.getInt32(at + STEP_BYTES, true) / 4;
    const [place, unit] = random.pick([
      [at + 4 * random.integer(BANDS_MEMBERS / 4, words - 1), 1],
      [(windows.length > 0 ? random.pick(windows) : tensors[0]!) + TENSOR_WINDOW, 1],
      [random.pick(tensors) + TENSOR_OFFSET, 8],
    ] as const);
    view.setInt32(place, view.getInt32(place, true) + unit * random.integer(-3, 3), true);
  }
}

function stepField({ view, steps }: Anatomy, random: Random, from: number): undefined {
  const index = random.integer(0, steps.length - 2);
  const bytes = steps[index + 1]! - steps[index]!;
  return hostileWord(view, steps[index]! + from + 4 * random.integer(0, (bytes - from) / 4 - 1), random);
}

/** The file with other step records; sections behind the plan move, counts and offsets follow. */
function editSteps(anatomy: Anatomy, edit: (steps: Uint8Array[]) => unknown): Uint8Array<ArrayBuffer> {
  const { file, plan, steps: bounds } = anatomy;
  const steps = bounds.slice(0, -1).map((at, i) => file.slice(at, bounds[i + 1]));
  edit(steps);
  const kept = bounds[0]! - plan.at;
  const bytes = steps.reduce((sum, step) => sum + step.length, kept);
  const planEnd = alignSection(plan.at + plan.bytes);
  const moved = alignSection(plan.at + bytes) - planEnd;
  const edited = new Uint8Array(file.length + moved);
  edited.set(file.subarray(0, plan.at + kept));
  let at = plan.at + kept;
  for (const step of steps) {
    edited.set(step, at);
    at += step.length;
  }
  edited.set(file.subarray(planEnd), planEnd + moved);
  const view = new DataView(edited.buffer);
  view.setInt32(plan.at + PLAN_STEP_COUNT, steps.length, true);
  moveSections(view, plan.at, bytes, moved);
  return edited;
}

function moveSections(view: DataView, planAt: number, planBytes: number, moved: number): void {
  for (let i = 0; i < view.getUint32(PREFIX_SECTION_COUNT, true); i++) {
    const entry = PREFIX_BYTES + i * SECTION_ENTRY_BYTES;
    const at = view.getUint32(entry + SECTION_OFFSET, true);
    if (at === planAt) view.setUint32(entry + SECTION_BYTES, planBytes, true);
    if (at > planAt) view.setUint32(entry + SECTION_OFFSET, at + moved, true);
  }
}

function alignSection(at: number): number {
  return Math.ceil(at / SECTION_ALIGNMENT) * SECTION_ALIGNMENT;
}
