// What every host of a measurement is asked, and what it answers: data that can go to a page or a Worker.
import type { IntegerGraph } from "../../graph/integer.ts";
import type { Layout } from "../../plan/index.ts";
import type { Build } from "../../runtime/builds.ts";

export interface Protocol {
  readonly rounds: number;
  /** A batch of runs between two readings of the clock lasts at least so long. */
  readonly batchMs: number;
  /** Every model runs so long before anything counts: compilers change tiers. */
  readonly warmUpMs: number;
}

export const PROTOCOL: Protocol = { rounds: 11, batchMs: 20, warmUpMs: 300 };

/** What one model took; nanoseconds, one value a round. */
export interface ModelTimes {
  readonly whole: readonly number[];
  /** By step of the plan. */
  readonly steps: readonly (readonly number[])[];
}

export interface Measured {
  /** What `self_test` answered after the runs. */
  readonly dotClass: number;
  /** In the order of the models. */
  readonly models: readonly ModelTimes[];
}

export type Progress = (what: string) => void;

/** A model of a measurement, with the stages that say what its steps are. */
export interface TableModel {
  readonly integer: IntegerGraph;
  readonly layout: Layout;
}

/** A model to be measured. */
export interface HostModel {
  readonly bytes: Uint8Array;
  /** What the compiler had before it was written: absent for a file that was compiled before. */
  readonly stages?: TableModel;
}

/** A place where engines run. */
export interface Host {
  readonly kind: "node" | "page" | "workerd" | "wasi";
  readonly version: string;
  /** Builds that it compiles, the one that it prefers first. */
  readonly builds: readonly Build[];
  /** How steps are told apart, for people. */
  readonly method: string;
  /** Times every model on one build; models take turns. */
  measure(
    build: Build,
    models: readonly HostModel[],
    protocol: Protocol,
    progress: Progress,
  ): Promise<Measured>;
  close(): void | Promise<void>;
}

export function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
