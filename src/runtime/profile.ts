import { KIND_PLAN, PLAN_STEP_COUNT, PLAN_STEPS_AT, STEP_BYTES, STEP_OPCODE } from "../../assembly/abi.ts";
import { type ModelFile, sectionOfKind } from "../model/reader.ts";

/** Names of the opcodes of assembly/abi.ts, by number. */
export const OP_NAMES: readonly string[] =
  ", input, output, conv, depthwise, dense, add, average-pool, max-pool, softmax, pad, reshape, requantize, constant, mul, minimum, maximum, prelu, lookup, concat, view, resize, space-to-depth, depth-to-space, arg-max, l2-normalize, push, lstm, mat-mul, bands".split(
    ", ",
  );

/** One step of the plan in one run; times in milliseconds from the start of that run. */
export interface ProfiledStep {
  readonly step: number;
  readonly op: string;
  readonly start: number;
  readonly duration: number;
}

/** An event of the Trace Event format, which chrome://tracing, Perfetto and speedscope open. Times in microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: "X";
  readonly ts: number;
  readonly dur: number;
  readonly pid: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, number>>;
}

/** Opcodes of a model's steps, in order. The engine has accepted the plan: every record is whole. */
export function stepOpcodes(model: ModelFile): number[] {
  const section = sectionOfKind(model.sections, KIND_PLAN, "plan");
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  let at = view.getInt32(PLAN_STEPS_AT, true);
  return Array.from({ length: view.getInt32(PLAN_STEP_COUNT, true) }, () => {
    const opcode = view.getInt32(at + STEP_OPCODE, true);
    at += view.getInt32(at + STEP_BYTES, true);
    return opcode;
  });
}

/** Where the time of a run goes, step by step. */
export class Profile {
  readonly steps: readonly ProfiledStep[];

  constructor(steps: readonly ProfiledStep[]) {
    this.steps = steps;
  }

  /** Milliseconds of the whole run. */
  get duration(): number {
    return this.steps.reduce((total, { duration }) => total + duration, 0);
  }

  /**
   * The run as a Chrome trace: `JSON.stringify` it into a file.
   *
   * @param names what to call the steps; `layerNames` of dyadic/inspect reads them from a model
   */
  chromeTrace(names: readonly string[] = []): { traceEvents: TraceEvent[]; displayTimeUnit: "ms" } {
    const traceEvents = this.steps.map(({ step, op, start, duration }): TraceEvent => {
      const name = names[step] || op;
      return {
        name,
        cat: op,
        ph: "X",
        ts: 1000 * start,
        dur: 1000 * duration,
        pid: 1,
        tid: 1,
        args: { step },
      };
    });
    return { traceEvents, displayTimeUnit: "ms" };
  }
}

/** Runs every step with a clock around it. Hosts that stop their clocks (deployed Workers) measure 0. */
export function profileRun(
  opcodes: readonly number[],
  runStep: (step: number) => void,
  now: () => number,
): Profile {
  const began = now();
  const steps = opcodes.map((opcode, step): ProfiledStep => {
    const start = now();
    runStep(step);
    return { step, op: OP_NAMES[opcode] ?? `op ${opcode}`, start: start - began, duration: now() - start };
  });
  return new Profile(steps);
}
