/** Stable codes of every error that Dyadic raises; the CLI maps them to its exit codes. */
export type ErrorCode =
  | "BAD_ARGUMENT"
  | "BAD_FILE"
  | "BAD_INPUT"
  | "BAD_SIGNATURE"
  | "CORRUPT"
  | "UNSUPPORTED_VERSION"
  | "UNSUPPORTED_OP"
  | "UNSUPPORTED_HOST"
  | "OVERFLOW"
  | "OUT_OF_MEMORY"
  | "TOO_MUCH_WORK"
  | "NO_POLICY"
  | "BUSY"
  | "DISPOSED"
  | "INTERNAL";

/** Where an error is and what mends it. Every part is optional; what is known is said. */
export interface ErrorPlace {
  file?: string;
  node?: string;
  op?: string;
  expected?: string;
  found?: string;
  hint?: string;
}

/** The one error class: a stable `code`, the place, what was expected and found, and what to do. */
export class DyadicError extends Error {
  override readonly name = "DyadicError";
  readonly code: ErrorCode;
  /** The first line of the message, without the place. */
  readonly problem: string;
  readonly place: ErrorPlace;

  constructor(code: ErrorCode, problem: string, place: ErrorPlace = {}, cause?: unknown) {
    super(sentence(problem, place), cause === undefined ? undefined : { cause });
    this.code = code;
    this.problem = problem;
    this.place = place;
  }

  /** The same error, with what an outer level knows about the place added. */
  at(outer: ErrorPlace): DyadicError {
    return new DyadicError(this.code, this.problem, { ...outer, ...this.place }, this.cause);
  }
}

function prefix(place: ErrorPlace): string {
  const parts = [];
  if (place.file !== undefined) parts.push(place.file);
  if (place.node !== undefined) parts.push(`node "${place.node}"`);
  if (place.op !== undefined) parts.push(place.op);
  return parts.length > 0 ? `${parts.join(", ")}: ` : "";
}

function sentence(problem: string, place: ErrorPlace): string {
  let text = prefix(place) + problem;
  if (place.expected !== undefined) text += `\n  expected: ${place.expected}`;
  if (place.found !== undefined) text += `\n  found: ${place.found}`;
  if (place.hint !== undefined) text += `\n  hint: ${place.hint}`;
  return text;
}
