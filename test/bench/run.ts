// What every saved run says of itself, and how a long one shows that it goes on.
import { measuredCommit } from "./commit.ts";
import { load, type Machine, thisMachine } from "./machine.ts";

/** What was measured, where and when. */
export interface Run {
  readonly schema: 1;
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly node: string;
  /** One-minute average as the run ended. */
  readonly load: number;
}

/** Options of a command that saves: `parseArgs` takes them. */
export const RUN_OPTIONS = {
  save: { type: "boolean", default: false },
  machine: { type: "string" },
} as const;

/**
 * To be called before anything is measured, and what it returns when all is done. Throws as measuredCommit does, where
 * the run is to be saved.
 */
export function beginRun({ save, machine }: { save: boolean; machine?: string | undefined }): () => Run {
  const commit = save ? measuredCommit() : "";
  return () => ({
    schema: 1,
    date: new Date().toISOString().slice(0, 10),
    commit,
    machine: thisMachine(machine),
    node: process.versions.node,
    load: load(),
  });
}

/** The head of a run's section in a page of results. */
export function runHead({ date, machine, node, commit, load: processes }: Run): string {
  const { name, cpu, cores, platform } = machine;
  return `## ${date}, ${name}\n\n${cpu}, ${cores} cores, ${platform}; Node ${node}; commit ${commit}; load ${processes}.`;
}

/** One line that overwrites itself, for people at a terminal. */
export function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}
