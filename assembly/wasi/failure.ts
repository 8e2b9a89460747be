// Messages on stderr, in the form of the host's DyadicError: what is wrong, where, and what mends it.
import {
  BAD_DIGEST,
  BAD_IO,
  BAD_LENGTH,
  BAD_LIFETIME,
  BAD_MAGIC,
  BAD_PLAN,
  BAD_SECTION,
  BAD_STEP,
  BAD_TENSOR,
  BAD_VERSION,
  OUT_OF_MEMORY,
  TOO_MUCH_WORK,
  UNKNOWN_SECTION,
  UNSUPPORTED_FEATURE,
} from "../abi";
import { detail0, detail1, detail2 } from "../state";
import { errnoText } from "./errno";
import { proc_exit, STDERR } from "./imports";
import { flush, print, printByte, printBytes, printNumber, printTo } from "./stream";

export const EXIT_USER: i32 = 1;
export const EXIT_UNSUPPORTED: i32 = 2;

let modelName: usize = 0;
let modelNameBytes: usize = 0;

/** The model's path as it was given: every message from here on starts with it. */
export function nameModel(path: usize, bytes: usize): void {
  modelName = path;
  modelNameBytes = bytes;
}

/** Starts a message; `fail` ends it. */
export function complain(problem: string): void {
  printTo(STDERR);
  print("dyadic-wasi: ");
  printBytes(modelName, modelNameBytes);
  if (modelNameBytes > 0) print(": ");
  print(problem);
}

export function expected(): void {
  print("\n  expected: ");
}

export function found(): void {
  print("\n  found: ");
}

/** Ends a message and the program. */
export function fail(hint: string, code: i32): void {
  print("\n  hint: ");
  print(hint);
  printByte(0x0a);
  flush();
  proc_exit(code);
}

/** Adds an error number of the host to a message. */
export function foundErrno(errno: i32): void {
  found();
  print(errnoText(errno));
  print(" (WASI errno ");
  printNumber(errno);
  printByte(0x29);
}

/** Ends the program for a status of the engine, with the place that it noted. */
export function failStatus(status: i32): void {
  complain(statusProblem(status));
  found();
  print(statusName(status));
  if (status != BAD_DIGEST) {
    print(": record ");
    printNumber(detail0);
    print(", byte ");
    printNumber(detail1);
    print(", value ");
    printNumber(detail2);
  }
  fail(statusHint(status), isUnsupported(status) ? EXIT_UNSUPPORTED : EXIT_USER);
}

function isUnsupported(status: i32): bool {
  return status == BAD_VERSION || status == UNSUPPORTED_FEATURE || status == UNKNOWN_SECTION;
}

function statusName(status: i32): string {
  switch (status) {
    case BAD_MAGIC:
      return "BAD_MAGIC";
    case BAD_VERSION:
      return "BAD_VERSION";
    case BAD_LENGTH:
      return "BAD_LENGTH";
    case UNSUPPORTED_FEATURE:
      return "UNSUPPORTED_FEATURE";
    case BAD_SECTION:
      return "BAD_SECTION";
    case UNKNOWN_SECTION:
      return "UNKNOWN_SECTION";
    case BAD_IO:
      return "BAD_IO";
    case BAD_PLAN:
      return "BAD_PLAN";
    case BAD_TENSOR:
      return "BAD_TENSOR";
    case BAD_STEP:
      return "BAD_STEP";
    case BAD_LIFETIME:
      return "BAD_LIFETIME";
    case OUT_OF_MEMORY:
      return "OUT_OF_MEMORY";
    case BAD_DIGEST:
      return "BAD_DIGEST";
    case TOO_MUCH_WORK:
      return "TOO_MUCH_WORK";
    default:
      return "an unknown status";
  }
}

function statusProblem(status: i32): string {
  switch (status) {
    case BAD_MAGIC:
      return "this is not a .dyad model";
    case BAD_VERSION:
      return "the model's format version is not one that this engine reads";
    case BAD_LENGTH:
      return "the file is cut short or its length is wrong";
    case UNSUPPORTED_FEATURE:
      return "the model needs a feature that this engine does not have";
    case BAD_SECTION:
      return "the section table is damaged";
    case UNKNOWN_SECTION:
      return "the model has a critical section that this engine does not know";
    case BAD_IO:
      return "the io section is damaged";
    case BAD_PLAN:
      return "the plan's header is damaged";
    case BAD_TENSOR:
      return "a tensor record is damaged";
    case BAD_STEP:
      return "a step record is damaged";
    case BAD_LIFETIME:
      return "a tensor is read before it is written, or shares bytes with a live one";
    case OUT_OF_MEMORY:
      return "the model does not fit into memory";
    case BAD_DIGEST:
      return "the file's SHA-256 does not match its content";
    default:
      return "the engine refused the model";
  }
}

function statusHint(status: i32): string {
  if (isUnsupported(status)) return "update dyadic, or compile the model again with this version";
  if (status == BAD_MAGIC) return "compile the model with `dyadic compile` first";
  if (status == OUT_OF_MEMORY) return "compile the model with a smaller --ram";
  return "fetch or compile the model again";
}
