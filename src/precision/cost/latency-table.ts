// Times of single steps as they were measured on a host: latency-table.json, and its published JSON Schema.
import { DyadicError } from "../../error.ts";
import { problemsOf, type Schema } from "../schema.ts";

export const HOSTS = ["node", "page", "workerd", "wasi"] as const;
/** The engine's builds, the one that a host prefers first. */
export const MEASURED_BUILDS = ["engine-relaxed", "engine", "engine-scalar"] as const;
export const DOT_CLASSES = ["U", "P", "S", "none"] as const;

/** What ran the engine. A table is of one host on one machine. */
export interface MeasuredHost {
  readonly kind: (typeof HOSTS)[number];
  /** Runtime and version, or what the browser calls itself. */
  readonly version: string;
  readonly machine: string;
}

/** One step; nanoseconds of one execution, over rounds. */
export interface StepTime {
  /** What the time depends on: `stepKey`. */
  readonly step: string;
  /** Scratch that the plan granted, in bytes: some kernels are chosen by it. */
  readonly scratch: number;
  readonly macs: number;
  readonly minimum: number;
  readonly median: number;
}

/** What one build of the engine took. */
export interface BuildTimes {
  readonly build: (typeof MEASURED_BUILDS)[number];
  /** SHA-256 of the engine's module: times of another one do not count. */
  readonly engine: string;
  /** What self_test found the relaxed dot product to be. */
  readonly selfTestClass: (typeof DOT_CLASSES)[number];
  readonly producer: string;
  /** Day of the last measurement, ISO 8601. */
  readonly date: string;
  /** How steps were told apart, for people. */
  readonly method: string;
  /** Nanoseconds of a run beside its steps: fitted to whole runs. */
  readonly overhead: number;
  /** Multiply-adds a microsecond of a large dense 8-bit product: what layers are compared with. */
  readonly roofline: number;
  readonly steps: readonly StepTime[];
}

export interface LatencyTable {
  readonly $schema?: string;
  readonly version: 1;
  readonly host: MeasuredHost;
  readonly builds: readonly BuildTimes[];
}

const COUNT: Schema = { type: "integer", minimum: 0 };
const NANOSECONDS = (description: string): Schema => ({ description, ...COUNT });
const TEXT = (description: string): Schema => ({ description, type: "string", minLength: 1 });

/** What latency-table.schema.json holds. */
export const LATENCY_TABLE_SCHEMA: Schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Dyadic latency table",
  description:
    "Times of single steps on one host, by `dyadic bench --table`, for `dyadic compile --latency`.",
  type: "object",
  required: ["version", "host", "builds"],
  additionalProperties: false,
  properties: {
    $schema: { type: "string" },
    version: { enum: [1] },
    host: {
      type: "object",
      required: ["kind", "version", "machine"],
      additionalProperties: false,
      properties: {
        kind: { enum: HOSTS },
        version: TEXT("Runtime and version, or what the browser calls itself."),
        machine: TEXT("The processor."),
      },
    },
    builds: {
      type: "array",
      items: {
        type: "object",
        required: [
          "build",
          "engine",
          "selfTestClass",
          "producer",
          "date",
          "method",
          "overhead",
          "roofline",
          "steps",
        ],
        additionalProperties: false,
        properties: {
          build: { enum: MEASURED_BUILDS },
          engine: TEXT("SHA-256 of the engine's module."),
          selfTestClass: { description: "What the relaxed dot product was found to be.", enum: DOT_CLASSES },
          producer: TEXT("Name and version of what measured."),
          date: TEXT("Day of the last measurement, ISO 8601."),
          method: TEXT("How steps were told apart."),
          overhead: NANOSECONDS("Nanoseconds of a run beside its steps."),
          roofline: NANOSECONDS("Multiply-adds a microsecond of a large dense 8-bit product."),
          steps: {
            type: "array",
            items: {
              type: "object",
              required: ["step", "scratch", "macs", "minimum", "median"],
              additionalProperties: false,
              properties: {
                step: TEXT(
                  "Op, shapes with widths (a), and for weights kernel (k), stride (s), dilation (d), groups (g) and width (w).",
                ),
                scratch: NANOSECONDS("Bytes of scratch that the plan granted."),
                macs: NANOSECONDS("Multiply-adds."),
                minimum: NANOSECONDS("Nanoseconds, the least round."),
                median: NANOSECONDS("Nanoseconds, the median round."),
              },
            },
          },
        },
      },
    },
  },
};

/** Reads a table. Throws BAD_FILE naming the place in the document. */
export function parseLatencyTable(text: string): LatencyTable {
  const wrong = (expected: string, found: string) =>
    new DyadicError("BAD_FILE", "this is no table of latencies", {
      expected,
      found,
      hint: "`dyadic bench MODEL --table FILE` writes one; latency-table.schema.json of this package describes it",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong("JSON", `${error}`);
  }
  const [problem] = problemsOf(value, LATENCY_TABLE_SCHEMA);
  if (problem !== undefined)
    throw wrong(`${problem.path || "the whole"}: ${problem.expected}`, problem.found);
  return value as LatencyTable;
}

/**
 * A table with what was measured now: steps that were known are replaced, the others stay. Times of another engine module of
 * the same build are dropped. Throws BAD_ARGUMENT for tables of two hosts.
 */
export function mergeTables(known: LatencyTable | undefined, measured: LatencyTable): LatencyTable {
  if (known === undefined) return measured;
  const name = ({ host: { kind, version, machine } }: LatencyTable) => `${kind}, ${version}, ${machine}`;
  if (name(known) !== name(measured)) {
    throw new DyadicError("BAD_ARGUMENT", "the table is of another host", {
      expected: name(known),
      found: name(measured),
      hint: "give another file: one table a host",
    });
  }
  const builds = MEASURED_BUILDS.flatMap((build) => {
    const [old, own] = [known, measured].map(({ builds }) => builds.find((times) => times.build === build));
    if (own === undefined || old === undefined || own.engine !== old.engine) return own ?? old ?? [];
    return { ...own, steps: mergeSteps(old.steps, own.steps) };
  });
  return { ...known, builds };
}

function mergeSteps(old: readonly StepTime[], own: readonly StepTime[]): StepTime[] {
  const name = ({ step, scratch }: StepTime) => `${step} ${scratch}`;
  const all = new Map([...old, ...own].map((time) => [name(time), time]));
  return [...all.values()].sort(
    (a, b) => (a.step < b.step ? -1 : a.step > b.step ? 1 : 0) || a.scratch - b.scratch,
  );
}
