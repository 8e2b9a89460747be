// `dyadic bench --table` and `--kernels`: every step of a model at every width asked for, on every build of a host.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { DyadicError } from "../../error.ts";
import { hex, sha256 } from "../../numerics/sha256.ts";
import {
  type LatencyTable,
  type MeasuredHost,
  mergeTables,
  parseLatencyTable,
} from "../../precision/cost/latency-table.ts";
import type { Policy } from "../../precision/policy.ts";
import { ACTIVATION_WIDTHS, WEIGHT_WIDTHS } from "../../precision/schema.ts";
import type { Build } from "../../runtime/builds.ts";
import { listed } from "../budget.ts";
import type { FloatFlags } from "../calibration.ts";
import { BUILDS } from "../engines.ts";
import { isFile, readText } from "../files.ts";
import { type LoadedModel, loadForSize } from "../model.ts";
import { print, progress, writeWhole } from "../output.ts";
import { openHost } from "./hosts.ts";
import { type Host, type HostModel, type Measured, middle, PROTOCOL, type TableModel } from "./job.ts";
import { kernelRows, kernelTable, type MeasuredBuild } from "./kernels.ts";
import { buildTimes } from "./record.ts";
import { ROOFLINE_MACS, rooflineModel } from "./roofline.ts";

export interface TableFlags extends FloatFlags {
  readonly table?: string;
  readonly kernels?: boolean;
  readonly host: Host["kind"];
  readonly hostCommand?: string;
  readonly build?: string;
  readonly rounds?: number;
  readonly json?: boolean;
}

/** A model at some width. */
interface Variant {
  readonly title: string;
  readonly loaded: LoadedModel;
}

/** Measures, merges into the table's file after every build, and shows what each layer took. */
export async function tableCommand(path: string, flags: TableFlags): Promise<void> {
  const { table: file, json } = flags;
  const variants = await variantsOf(path, flags);
  const compiled = variants.flatMap(({ loaded }) => loaded.compiled ?? []);
  if (file !== undefined && compiled.length < variants.length) {
    throw new DyadicError("BAD_ARGUMENT", "a table is made from the model, not from what was compiled", {
      file: path,
      expected: "a .tflite or .onnx model",
      hint: "for a .dyad: dyadic bench MODEL --kernels",
    });
  }
  let table = file !== undefined && isFile(file) ? parseLatencyTable(readText(file)) : undefined;
  const host = await openHost(flags.host, flags.hostCommand);
  const measured: MeasuredBuild[] = [];
  try {
    if (table !== undefined) mergeTables(table, { version: 1, host: hostOf(host), builds: [] }); // refused now, if at all
    for (const build of buildsOf(host, flags.build)) {
      const own = await measure(host, build, variants, flags.rounds);
      measured.push(own);
      if (file === undefined) continue;
      table = mergeTables(table, tableOf(host, own, compiled));
      writeWhole(file, new TextEncoder().encode(`${JSON.stringify(table, null, 1)}\n`));
    }
  } finally {
    await host.close();
    progress("");
  }
  const models = variants.map(({ title, loaded }, i) => {
    const rows = kernelRows(loaded.bytes, path, measured, i);
    return { title, rows, wholeMs: measured.map(({ times }) => middle(times.models[i]!.whole) / 1e6) };
  });
  const { kind, version } = host;
  const builds = measured.map(({ build, roofline }) => ({ build, roofline }));
  print(json === true, { model: path, host: { kind, version }, builds, models, table: file ?? null }, () =>
    models.map((model) => kernelTable(model, measured, `${kind}, ${version}`)).join("\n"),
  );
}

/** The model as it is; or at every width of --bits, and of --activation-bits. */
async function variantsOf(path: string, { bits, activationBits, ...flags }: TableFlags): Promise<Variant[]> {
  if (bits === undefined && activationBits === undefined) {
    return [{ title: path, loaded: await loadForSize(path, flags) }];
  }
  const weights = listed("--bits", bits ?? "8", WEIGHT_WIDTHS);
  const activations = listed("--activation-bits", activationBits ?? "8", ACTIVATION_WIDTHS);
  const variants: Variant[] = [];
  for (const own of activations) {
    for (const weightBits of weights) {
      const policy: Policy = { version: 1, defaults: { weightBits, activationBits: own } };
      progress(`compiling at ${weightBits} and ${own} bits`);
      const loaded = await loadForSize(path, flags, undefined, policy);
      variants.push({ title: `${path}, weights of ${weightBits} bits, activations of ${own}`, loaded });
    }
  }
  return variants;
}

/** Of the host's builds those that are asked for. Throws BAD_ARGUMENT where there are none. */
function buildsOf(host: Host, asked: string | undefined): readonly Build[] {
  if (asked === undefined) return host.builds;
  const wanted: readonly (Build | undefined)[] = asked
    .split(",")
    .map((name) => BUILDS[name.trim() as keyof typeof BUILDS]);
  const found = host.builds.filter((build) => wanted.includes(build));
  if (found.length === wanted.length) return found;
  const names = Object.entries(BUILDS).filter(([, build]) => host.builds.includes(build));
  throw new DyadicError("BAD_ARGUMENT", "--build names a build that the host does not run", {
    expected: `some of ${names.map(([name]) => name).join(",")}`,
    found: asked,
  });
}

/** The model's variants and the roofline's, in turns. */
async function measure(
  host: Host,
  build: Build,
  variants: readonly Variant[],
  rounds = PROTOCOL.rounds,
): Promise<MeasuredBuild> {
  const product = rooflineModel();
  const files: HostModel[] = [
    ...variants.map(({ loaded: { bytes, compiled } }) => ({ bytes, ...(compiled && { stages: compiled }) })),
    { bytes: product.model, stages: product },
  ];
  const say = (what: string) => progress(`${build}: ${what}`);
  const times = await host.measure(build, files, { ...PROTOCOL, rounds }, say);
  const least = Math.min(...times.models.at(-1)!.steps[1]!);
  return { build, times, roofline: Math.round((ROOFLINE_MACS / least) * 1000) };
}

function hostOf({ kind, version }: Host): MeasuredHost {
  return { kind, version, machine: cpus()[0]?.model.trim() || "unknown" };
}

function tableOf(
  host: Host,
  { build, times, roofline }: MeasuredBuild,
  models: readonly TableModel[],
): LatencyTable {
  const module = readFileSync(new URL(`../../../assembly/build/${build}.wasm`, import.meta.url));
  const own: Measured = { ...times, models: times.models.slice(0, models.length) };
  const date = new Date().toISOString().slice(0, 10);
  const engine = hex(sha256(new Uint8Array(module)));
  const origin = { build, engine, method: host.method, roofline, date };
  return { version: 1, host: hostOf(host), builds: [buildTimes(models, own, origin)] };
}
