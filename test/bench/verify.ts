// Nothing is timed before it is shown to compute the same network.
import { argmax } from "../cases/models.ts";
import type { BenchModel } from "./models.ts";
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

/** Share that an int8 peer must reach: of equal answers, or of elements within one code where there is no answer. */
const REQUIRED = 0.95;

/** Outputs for all inputs, as codes. */
async function outputs({ opened }: OpenSubject, model: BenchModel): Promise<Int8Array[]> {
  const all: Int8Array[] = [];
  for (let sample = 0; sample < model.samples.length; sample++) {
    await opened.run(sample);
    all.push(asCodes(opened.output(), model));
  }
  return all;
}

function asCodes(output: Int8Array | Uint8Array | Float32Array, model: BenchModel): Int8Array {
  if (output instanceof Int8Array) return output;
  if (output instanceof Uint8Array) return Int8Array.from(output, (code) => code - 128);
  const { scale, zeroPoint } = model.integer.tensors[model.integer.outputs[0]!.tensor]!;
  const code = (real: number) => Math.floor(real / scale + 0.5) + zeroPoint;
  return Int8Array.from(output, (real) => Math.min(127, Math.max(-128, code(real))));
}

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

/**
 * Compares every subject with the first one, in their order. Throws where a Dyadic build differs in one bit, or an int8
 * peer computes another network.
 */
export async function verify(subjects: readonly OpenSubject[], model: BenchModel): Promise<Agreement[]> {
  const [first] = subjects;
  if (first?.subject.kind !== "dyadic") throw new Error("the first subject must be a build of Dyadic");
  const own = await outputs(first, model);
  const agreements: Agreement[] = [];
  for (const open of subjects) {
    const agreement = compare(own, await outputs(open, model), model.classifies);
    const { name, kind } = open.subject;
    if (kind === "dyadic" && agreement.equal !== 1) {
      throw new Error(
        `${model.name}: ${name} differs from ${first.subject.name}, by up to ${agreement.largest}`,
      );
    }
    if (kind === "int8" && (agreement.argmax ?? agreement.withinOne) < REQUIRED) {
      throw new Error(`${model.name}: ${name} computes another network: ${JSON.stringify(agreement)}`);
    }
    agreements.push(agreement);
  }
  return agreements;
}
