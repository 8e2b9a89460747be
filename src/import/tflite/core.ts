// Which operators of a model run: all of them, or all but a tail that Dyadic cannot run on integers.
import { DyadicError } from "../../error.ts";
import { missingOperator, type Survey } from "../survey.ts";
import type { Builder, Operator } from "./builder.ts";
import { isLayer, OPERATORS, operatorName, type Row } from "./operators.ts";
import * as schema from "./schema.generated.ts";

/** In messages: how many nodes of an unsupported operator are named, and how much of a name is shown. */
const SHOWN_NODES = 3;
const SHOWN_NAME = 60;

/** An operator of the file, with its row where Dyadic imports it. */
export interface Candidate {
  readonly code: number;
  readonly name: string;
  readonly row: Row | undefined;
  readonly operator: Operator;
}

/** What became of the operators. */
export interface Core {
  /** Tensors that stand in for the model's outputs where a tail was cut off; else null. */
  readonly cut: readonly number[] | null;
  readonly notes: readonly string[];
}

const { BuiltinOperator: Op } = schema;
/** Float operators behind a DEQUANTIZE that run on the codes in front of it all the same. */
const MOVING: readonly number[] = [
  Op.RESHAPE,
  Op.SQUEEZE,
  Op.EXPAND_DIMS,
  Op.SOFTMAX,
  Op.DEQUANTIZE,
  Op.QUANTIZE,
];

/**
 * Adapts the operators one by one. One that has no adapter, that its adapter refuses or that computes in float on what
 * integers made is the start of a tail, to which all belongs that reads it. A tail without layers (the post-processing
 * of a detection model) is cut off behind the last tensors of 8 bits, which become outputs.
 * Throws UNSUPPORTED_OP, with every operator that Dyadic does not import, where that is not possible.
 */
export function adaptCore(
  candidates: readonly Candidate[],
  outputs: readonly number[],
  builder: Builder,
  survey?: Survey,
): Core {
  const tail = new Tail(builder);
  for (const { name } of candidates) survey?.saw(name);
  for (const candidate of candidates) tail.take(candidate);
  if (tail.operators.length === 0) return { cut: null, notes: [] };
  const layers = candidates.some(({ code, operator }) => isLayer(code) && !tail.holds(operator));
  const cut = layers && !tail.operators.some(({ code }) => isLayer(code)) ? tail.ends(outputs) : [];
  if (cut.length === 0) {
    if (survey !== undefined) tail.report(survey);
    throw tail.refusal();
  }
  const names = cut.map((tensor) => `"${clip(builder.tensors.name(tensor))}"`);
  return {
    cut,
    notes: [
      `the tail behind the integer layers is left out: ${listing(tail.operators)}; the outputs are ${names.join(", ")}`,
    ],
  };
}

class Tail {
  readonly operators: Candidate[] = [];
  private readonly builder: Builder;
  /** Tensors that operators of the tail write. */
  private readonly tensors = new Set<number>();
  /** Float tensors that come from codes, and the codes. */
  private readonly codes = new Map<number, number>();
  private error: DyadicError | undefined;

  constructor(builder: Builder) {
    this.builder = builder;
  }

  holds(operator: Operator): boolean {
    return this.operators.some((candidate) => candidate.operator === operator);
  }

  take(candidate: Candidate): void {
    const { operator, row } = candidate;
    if (
      row === undefined ||
      operator.inputs.some((input) => this.tensors.has(input)) ||
      this.leavesIntegers(candidate)
    ) {
      this.add(candidate);
      return;
    }
    const made = this.builder.nodes.length;
    try {
      row.adapt(operator, this.builder);
      this.follow(candidate);
    } catch (error) {
      if (!(error instanceof DyadicError)) throw error;
      const located = error.at({ node: operator.name, op: operatorName(row.code) });
      if (error.code !== "UNSUPPORTED_OP") throw located;
      this.error ??= located;
      this.builder.nodes.splice(made);
      this.add(candidate);
    }
  }

  private add(candidate: Candidate): void {
    this.operators.push(candidate);
    for (const output of candidate.operator.outputs) this.tensors.add(output);
  }

  /** Whether an operator computes in float on reals that a DEQUANTIZE made of codes. */
  private leavesIntegers({ code, operator }: Candidate): boolean {
    return !MOVING.includes(code) && operator.inputs.some((input) => this.codes.has(input));
  }

  private follow({ code, operator }: Candidate): void {
    const [source = -1] = operator.inputs;
    const { tensors } = this.builder;
    if (source === -1 || !MOVING.includes(code) || tensors.isConstant(source)) return;
    const from = this.codes.get(source) ?? (code === Op.DEQUANTIZE ? source : undefined);
    if (from !== undefined && tensors.isFloat(operator.output))
      this.codes.set(operator.output, code === Op.DEQUANTIZE ? source : from);
  }

  /** The last tensors of codes: what the tail reads of the layers, and the model's outputs among them. */
  ends(outputs: readonly number[]): readonly number[] {
    const { tensors, nodes } = this.builder;
    const written = new Set(nodes.flatMap((node) => node.outputs));
    const read = this.operators.flatMap(({ operator }) => operator.inputs);
    const kept = [...outputs, ...read].filter((tensor) => tensor !== -1 && !this.tensors.has(tensor));
    const ends = kept.flatMap((tensor) => {
      const codes = this.codes.get(tensor) ?? tensor;
      return written.has(codes) && tensors.get(codes).dtype === "int8" ? [codes] : [];
    });
    return [...new Set(ends)];
  }

  /** Notes what is wrong with each operator of the tail: shapes are in the file, so that those behind can be tried too. */
  report(survey: Survey): void {
    for (const { name, row, operator } of this.operators) {
      try {
        if (row === undefined) throw missingOperator();
        row.adapt(operator, this.builder);
      } catch (error) {
        if (!(error instanceof DyadicError)) throw error;
        survey.refuse(name, operator.name, error);
      }
    }
  }

  /** Everything that is missing; where nothing is but an adapter refused, what it said. */
  refusal(): DyadicError {
    const unknown = this.operators.filter(({ row }) => row === undefined);
    if (unknown.length === 0 && this.error !== undefined) return this.error;
    const shown = unknown.length > 0 ? unknown : this.operators;
    const count = new Set(shown.map(({ name }) => name)).size;
    return new DyadicError(
      "UNSUPPORTED_OP",
      `the model uses ${count} unsupported operator${count === 1 ? "" : "s"}`,
      {
        found: listing(shown),
        hint: `supported are ${OPERATORS.map((row) => operatorName(row.code)).join(", ")}`,
      },
    );
  }
}

/** Operators by name, with how many and which nodes. */
function listing(candidates: readonly Candidate[]): string {
  const nodes = new Map<string, string[]>();
  for (const { name, operator } of candidates) nodes.set(name, [...(nodes.get(name) ?? []), operator.name]);
  const lines = [...nodes].map(([name, own]) => {
    const shown = own.slice(0, SHOWN_NODES).map((node) => `"${clip(node)}"`);
    if (own.length > SHOWN_NODES) shown.push("...");
    return `${name} x${own.length} (${shown.join(", ")})`;
  });
  return lines.join("; ");
}

export function clip(name: string): string {
  return name.length > SHOWN_NAME ? `${name.slice(0, SHOWN_NAME)}...` : name;
}
