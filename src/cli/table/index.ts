// `dyadic bench --table` and `--kernels`: every step of a model at every width asked for, on every build of a host.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { DyadicError } from "../../error.ts";
import { hex, sha256 } from "../../numerics/sha256.ts";
import { predict, StepTimes, stepKeys } from "../../precision/cost/latency.ts";
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
import { BUILDS, CLASSES } from "../engines.ts";
import { isFile, readText } from "../files.ts";
import { type LoadedModel, loadForSize } from "../model.ts";
import { print, progress, writeWhole } from "../output.ts";
import { openHost } from "./hosts.ts";
import { type Host, type HostModel, type Measured, middle, PROTOCOL } from "./job.ts";
import { type BuildSteps, kernelRows, kernelTable } from "./kernels.ts";
import { buildTimes } from "./record.ts";
import { ROOFLINE_MACS, rooflineModel } from "./roofline.ts";

export interface TableFlags extends FloatFlags {
  readonly table?: string;
  readonly kernels?: boolean;
  readonly read?: boolean;
  readonly host: Host["kind"];
  readonly hostCommand?: string;
  readonly build?: string;
  readonly rounds?: number;
  readonly json?: boolean;
}

/** What a build took on a host, and its rate at the roofline's product in multiply-adds a microsecond. */
interface MeasuredBuild {
  readonly build: Build;
  readonly times: Measured;
  readonly roofline: number;
}

/** A model at some width. */
interface Variant {
  readonly title: string;
  readonly loaded: LoadedModel;
}

/** Measures, or with --read takes from the table, and shows what each layer takes. */
export async function tableCommand(path: string, flags: TableFlags): Promise<void> {
  const { table: file, read, json } = flags;
  const variants = await variantsOf(path, flags);
  if ((file !== undefined || read) && variants.some(({ loaded }) => loaded.compiled === undefined)) {
    throw new DyadicError("BAD_ARGUMENT", "a table is made from the model, not from what was compiled", {
      file: path,
      expected: "a .tflite or .onnx model",
      hint: "for a .dyad: dyadic bench MODEL --kernels",
    });
  }
  const { host, builds } = read ? fromTable(variants, file) : await measureAll(variants, flags);
  const models = variants.map(({ title, loaded }, i) => {
    return { title, rows: kernelRows(loaded.bytes, path, builds[i]!), builds: builds[i]! };
  });
  print(json === true, { model: path, host, models, table: file ?? null }, () => {
    const texts = models.map(({ title, rows, builds: own }) => kernelTable(title, rows, own));
    return `${host.kind}, ${host.version}, ${host.machine}\n${texts.join("\n")}`;
  });
}

/** What there is to show: by variant, and by build. */
interface Found {
  readonly host: MeasuredHost;
  readonly builds: readonly (readonly BuildSteps[])[];
}

/** Measures build after build; each is merged into the table's file when it is done. */
async function measureAll(variants: readonly Variant[], flags: TableFlags): Promise<Found> {
  const { table: file } = flags;
  let table = file !== undefined && isFile(file) ? parseLatencyTable(readText(file)) : undefined;
  const host = await openHost(flags.host, flags.hostCommand);
  const all: BuildSteps[][] = variants.map(() => []);
  try {
    if (table !== undefined) mergeTables(table, { version: 1, host: hostOf(host), builds: [] }); // refused now, if at all
    for (const build of buildsOf(host, flags.build)) {
      const own = await measure(host, build, variants, flags.rounds);
      const { models, dotClass } = own.times;
      const selfTestClass = CLASSES[dotClass as keyof typeof CLASSES];
      all.forEach((found, i) => {
        const { whole, steps } = models[i]!;
        const wholeMs = middle(whole) / 1e6;
        found.push({ build, selfTestClass, roofline: own.roofline, wholeMs, steps: steps.map(middle) });
      });
      if (file === undefined) continue;
      table = mergeTables(table, tableOf(host, own, variants));
      writeWhole(file, new TextEncoder().encode(`${JSON.stringify(table, null, 1)}\n`));
    }
  } finally {
    await host.close();
    progress("");
  }
  return { host: hostOf(host), builds: all };
}

/** What the table says of the variants. Throws BAD_ARGUMENT where it does not know an op. */
function fromTable(variants: readonly Variant[], file: string | undefined): Found {
  if (file === undefined) {
    throw new DyadicError("BAD_ARGUMENT", "there is no table to read", { expected: "--table FILE" });
  }
  const { host, builds } = parseLatencyTable(readText(file));
  const found = variants.map(({ loaded }) => {
    const { integer, layout } = loaded.compiled!;
    const scratch = layout.scratch.map(({ bytes }) => bytes);
    return builds.map((own): BuildSteps => {
      const times = new StepTimes(own);
      const steps = stepKeys(integer).map(
        (key, i) => times.of(key, scratch[i - integer.inputs.length] ?? 0).nanoseconds,
      );
      const { build, selfTestClass, roofline } = own;
      const wholeMs = predict(times, integer, scratch).nanoseconds / 1e6;
      return { build, selfTestClass, roofline, wholeMs, steps };
    });
  });
  return { host, builds: found };
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
  variants: readonly Variant[],
): LatencyTable {
  const module = readFileSync(new URL(`../../../assembly/build/${build}.wasm`, import.meta.url));
  const models = variants.map(({ loaded }) => loaded.compiled!);
  const own: Measured = { ...times, models: times.models.slice(0, models.length) };
  const date = new Date().toISOString().slice(0, 10);
  const engine = hex(sha256(new Uint8Array(module)));
  const origin = { build, engine, method: host.method, roofline, date };
  return { version: 1, host: hostOf(host), builds: [buildTimes(models, own, origin)] };
}
