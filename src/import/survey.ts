import { DyadicError } from "../error.ts";

/** One operator of a model's own format: its nodes, and what is wrong with those that cannot be imported. */
export interface Need {
  readonly operator: string;
  readonly nodes: number;
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly node: string;
  readonly problem: string;
  readonly expected?: string;
  readonly found?: string;
}

/**
 * What a model needs, noted while it is imported: with a survey an importer goes on behind a node that it cannot
 * import, and throws only at the end.
 */
export class Survey {
  private readonly counts = new Map<string, number>();
  private readonly problems = new Map<string, Problem[]>();
  private first: DyadicError | undefined;

  saw(operator: string): void {
    this.counts.set(operator, (this.counts.get(operator) ?? 0) + 1);
  }

  refuse(operator: string, node: string, error: DyadicError): void {
    this.first ??= error.at({ node, op: operator });
    const { expected, found } = error.place;
    const problem = {
      node,
      problem: error.problem,
      ...(expected !== undefined && { expected }),
      ...(found !== undefined && { found }),
    };
    this.problems.set(operator, [...(this.problems.get(operator) ?? []), problem]);
  }

  /** Throws the first of the refusals. */
  end(): void {
    if (this.first !== undefined) throw this.first;
  }

  /** By operator, in the order of the file. */
  needs(): Need[] {
    return [...this.counts].map(([operator, nodes]) => {
      return { operator, nodes, problems: this.problems.get(operator) ?? [] };
    });
  }
}

/** What is wrong with an operator that there is no adapter for. */
export function missingOperator(): DyadicError {
  return new DyadicError("UNSUPPORTED_OP", "there is no such operator in Dyadic");
}
