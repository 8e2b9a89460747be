import { exponential } from "../numerics/exponential.ts";
import { logarithm } from "../numerics/logarithm.ts";
import type { Tracer } from "./trace.ts";

/** What a model answered to labelled samples. */
export interface Answers {
  readonly outputs: readonly Float32Array[];
  readonly best: readonly number[];
  readonly right: readonly boolean[];
}

/** One model against the float one, on the same samples. */
export interface Accuracy {
  readonly top1: number;
  /** Standard error of top1. */
  readonly standardError: number;
  /** Top1 of the float model less this one's, and its paired standard error. */
  readonly drop: number | null;
  readonly dropError: number | null;
  /** Share of samples with the float model's answer. */
  readonly agreement: number | null;
  /** Mean Kullback-Leibler divergence of the softmax from the float model's; null where the model ends in a softmax. */
  readonly divergence: number | null;
}

/** Runs every sample. `outputs` are logits or probabilities; the answer is the first of the largest. */
export function answersOf(
  tracer: Tracer,
  labels: readonly number[],
  onSample: (done: number) => void,
): Answers {
  const outputs = labels.map((_, i) => {
    onSample(i);
    return tracer.run(i);
  });
  const best = outputs.map((output) => output.indexOf(output.reduce((a, b) => Math.max(a, b), -Infinity)));
  return { outputs, best, right: best.map((answer, i) => answer === labels[i]) };
}

/** @param logits whether outputs are logits, of which a softmax can be made */
export function accuracyOf(own: Answers, float: Answers | undefined, logits: boolean): Accuracy {
  const n = own.right.length;
  const top1 = mean(own.right.map(Number));
  const differences = float?.right.map((right, i) => Number(right) - Number(own.right[i]!));
  return {
    top1,
    standardError: Math.sqrt((top1 * (1 - top1)) / n),
    drop: differences ? mean(differences) : null,
    dropError: differences ? standardErrorOf(differences) : null,
    agreement: float ? mean(float.best.map((answer, i) => Number(answer === own.best[i]))) : null,
    divergence:
      float && logits ? mean(float.outputs.map((output, i) => divergence(output, own.outputs[i]!))) : null,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function standardErrorOf(values: readonly number[]): number {
  const centre = mean(values);
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, values.length - 1) / values.length);
}

/** KL(softmax(p) || softmax(q)) in nats. */
function divergence(p: Float32Array, q: Float32Array): number {
  const [a, b] = [logSoftmax(p), logSoftmax(q)];
  return a.reduce((sum, log, i) => sum + exponential(log) * (log - b[i]!), 0);
}

function logSoftmax(logits: Float32Array): number[] {
  const top = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, logit) => total + exponential(logit - top), 0);
  return Array.from(logits, (logit) => logit - top - logarithm(sum));
}
