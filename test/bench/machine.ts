import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import type { Watch } from "./interleave.ts";

/** Instruction sets that decide which kernels run, here and in native peers. */
const FLAGS = ["avx2", "avx512bw", "avx_vnni", "avx512_vnni", "avx_vnni_int8", "amx_int8", "asimddp", "i8mm"];

export interface Machine {
  readonly name: string;
  readonly cpu: string;
  readonly flags: readonly string[];
  readonly cores: number;
  readonly platform: string;
  /** The core that the process was pinned to, or null. */
  readonly pinnedTo: number | null;
}

export function thisMachine(name: string | undefined): Machine {
  const cpu = cpus()[0]?.model.trim() || "unknown";
  const slug = cpu
    .toLowerCase()
    .replaceAll(/\(r\)|\(tm\)/g, "")
    .replaceAll(/[^a-z0-9]+/g, "-");
  const pinned = process.env.DYADIC_BENCH_CORE;
  return {
    name: name ?? slug,
    cpu,
    flags: cpuFlags(),
    cores: cpus().length, // not availableParallelism: the process is pinned
    platform: `${process.platform} ${process.arch}`,
    pinnedTo: pinned ? Number(pinned) : null,
  };
}

function cpuFlags(): string[] {
  try {
    const words = new Set(readFileSync("/proc/cpuinfo", "utf8").split(/\s+/));
    return FLAGS.filter((flag) => words.has(flag));
  } catch {
    return []; // not Linux
  }
}

/** This process: what other processes took of the core is missing. */
export const watchProcess: Watch = async () => {
  const before = process.cpuUsage();
  return (elapsedMs) => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / elapsedMs;
  };
};

/** Processes that wanted a core, on average over the last minute: what `uptime` says. */
export function load(): number {
  return Math.round(loadavg()[0]! * 100) / 100;
}
