// Lines of JSON in, a sample each: an object with the codes of every input under its name.
import { DTYPE_UINT8, IO_BYTES, IO_DTYPE, IO_NAME_AT, IO_NAME_BYTES } from "../abi";
import { ioPtr, word } from "../state";
import { isInput, recordAt, recordCount, stageOf } from "./records";
import { print, printNumber, readByte } from "./stream";

const END = -1;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NOT_JSON = "the line is not an object of arrays of integers";
const NAME_CAPACITY: usize = 4096;
const NAME: usize = memory.data(4096, 16);
const GIVEN: usize = memory.data(4096, 16); // a byte for each record of io; a plan has at most so many steps

let byte: i32 = LINE_FEED; // under the cursor; nothing behind it is read before it is needed, or a pipe would stand still
let line: i64 = 0;
let column: i32 = 0;

/** Whether stdin ended where a line could have begun. */
export let atEnd: bool = false;

/** Reads a line into the engine, empty ones left out. Returns what is wrong with it; null for a sample, and at the end. */
export function readLine(): string | null {
  do {
    column = 0;
    line++;
    advance();
    skipSpaces();
  } while (byte == LINE_FEED);
  atEnd = byte == END;
  if (atEnd) return null;
  const problem = readObject();
  if (problem === null && (byte == LINE_FEED || byte == END)) return null;
  return problem === null ? NOT_JSON : problem;
}

/** Goes to the end of a line that is no sample. */
export function skipLine(): void {
  while (byte != LINE_FEED && byte != END) advance();
}

/** The place of what is wrong, as the rest of an object of JSON. */
export function printPlace(): void {
  print('"line":');
  printNumber(line);
  print(',"byte":');
  printNumber(column);
}

function advance(): void {
  byte = readByte();
  column++;
}

function skipSpaces(): void {
  while (byte == SPACE || byte == TAB || byte == CARRIAGE_RETURN) advance();
}

/** Passes a byte and the spaces behind it, if it is the one under the cursor. */
function take(wanted: i32): bool {
  if (byte != wanted) return false;
  advance();
  skipSpaces();
  return true;
}

function readObject(): string | null {
  memory.fill(GIVEN, 0, recordCount());
  if (!take(OPEN_BRACE)) return NOT_JSON;
  if (byte != CLOSE_BRACE) {
    do {
      const index = readName();
      if (index < 0) return "no input has this name";
      if (!take(COLON)) return NOT_JSON;
      const problem = readCodes(recordAt(index), stageOf(index));
      if (problem !== null) return problem;
      store<u8>(GIVEN + index, 1);
    } while (take(COMMA));
  }
  for (let i = 0; i < recordCount(); i++) {
    if (isInput(recordAt(i)) && load<u8>(GIVEN + i) == 0) return "an input is missing";
  }
  return take(CLOSE_BRACE) ? null : NOT_JSON;
}

/** Reads a name; returns the index of its input, or -1. */
function readName(): i32 {
  let length: usize = 0;
  if (byte != QUOTE) return -1;
  for (advance(); byte != QUOTE && byte >= SPACE && length < NAME_CAPACITY; advance()) {
    store<u8>(NAME + length++, <u8>byte);
  }
  if (!take(QUOTE)) return -1;
  for (let i = 0; i < recordCount(); i++) {
    const record = recordAt(i);
    const same = word(record, IO_NAME_BYTES) == <i32>length;
    if (isInput(record) && same && memory.compare(NAME, ioPtr + word(record, IO_NAME_AT), length) == 0) return i;
  }
  return -1;
}

/** Reads an input's codes, in arrays of any depth, row by row. */
function readCodes(record: usize, stage: usize): string | null {
  const end = stage + word(record, IO_BYTES);
  const least = word(record, IO_DTYPE) == DTYPE_UINT8 ? 0 : -128;
  let depth = 0;
  do {
    while (take(OPEN_BRACKET)) depth++;
    const negative = take(MINUS);
    if (!isDigit()) return NOT_JSON;
    let code = 0;
    for (; isDigit(); advance()) code = min(code * 10 + byte - 0x30, 1000);
    code = (negative ? -code : code) - least;
    if (<u32>code > 255) return "a code is outside the input's type";
    skipSpaces();
    if (stage == end) return "an input has too many codes";
    store<u8>(stage++, <u8>code ^ 0x80);
    while (depth > 0 && take(CLOSE_BRACKET)) depth--;
  } while (depth > 0 && take(COMMA));
  if (depth > 0) return NOT_JSON;
  return stage == end ? null : "an input has too few codes";
}

function isDigit(): bool {
  return <u32>(byte - 0x30) < 10;
}
