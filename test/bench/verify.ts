// Nothing is timed before it is shown to compute the same network.
import { argmax } from "../cases/models.ts";
import type { BenchModel } from "./compiled.ts";
import { outputCodes } from "./outputs.ts";
import type { Opened, Subject } from "./subjects/subject.ts";

/** A subject's outputs against Dyadic's, over the real inputs. */
export interface Agreement {
  readonly samples: number;
  /** Share of samples with the same first largest element; null where the output is no classification. */
  readonly argmax: number | null;
  /** Shares of elements with the same code, and at most one code off; and the largest distance. */
  readonly equal: number;
  readonly withinOne: number;
  readonly largest: number;
}

export interface OpenSubject {
  readonly subject: Subject;
  readonly opened: Opened;
}

/** What a subject computed: a row of codes a sample. */
export interface SubjectOutputs extends Pick<Subject, "name" | "kind"> {
  readonly rows: readonly Int8Array[];
}

/** Share that a peer must reach: of equal answers, or of elements within one code where there is no answer. */
const REQUIRED = { dyadic: 1, int8: 0.95, float32: 0.9 } as const;

function compare(own: readonly Int8Array[], other: readonly Int8Array[], classifies: boolean): Agreement {
  let [equal, withinOne, largest, answers, total] = [0, 0, 0, 0, 0];
  own.forEach((codes, sample) => {
    if (argmax(codes) === argmax(other[sample]!)) answers++;
    codes.forEach((code, i) => {
      const distance = Math.abs(code - other[sample]![i]!);
      total++;
      if (distance === 0) equal++;
      if (distance <= 1) withinOne++;
      largest = Math.max(largest, distance);
    });
  });
  return {
    samples: own.length,
    argmax: classifies ? answers / own.length : null,
    equal: equal / total,
    withinOne: withinOne / total,
    largest,
  };
}

/** Runs every subject on all inputs and compares them: see `agreementsOf`. */
export async function verify(subjects: readonly OpenSubject[], model: BenchModel): Promise<Agreement[]> {
  const all: SubjectOutputs[] = [];
  for (const { subject, opened } of subjects) {
    const { name, kind } = subject;
    all.push({ name, kind, rows: await outputCodes(opened, model) });
  }
  return agreementsOf(all, model);
}

/**
 * Compares every subject with the first one, in their order. Throws where a Dyadic build differs in one bit, or a peer
 * computes another network.
 */
export function agreementsOf(
  subjects: readonly SubjectOutputs[],
  model: Pick<BenchModel, "name" | "classifies">,
): Agreement[] {
  const [first] = subjects;
  if (first?.kind !== "dyadic") throw new Error("the first subject must be a build of Dyadic");
  return subjects.map(({ name, kind, rows }) => {
    const agreement = compare(first.rows, rows, model.classifies);
    if (kind === "dyadic" && agreement.equal !== 1) {
      throw new Error(`${model.name}: ${name} differs from ${first.name}, by up to ${agreement.largest}`);
    }
    if ((agreement.argmax ?? agreement.withinOne) < REQUIRED[kind]) {
      throw new Error(`${model.name}: ${name} computes another network: ${JSON.stringify(agreement)}`);
    }
    return agreement;
  });
}
