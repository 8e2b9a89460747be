// One line of JSON for the outputs of a run.
import {
  DTYPE_UINT8,
  IO_BYTES,
  IO_CANONICAL_SHAPE,
  IO_DTYPE,
  IO_LABELS_AT,
  IO_LABELS_BYTES,
  IO_NAME_AT,
  IO_NAME_BYTES,
} from "../abi";
import { ioPtr, word } from "../state";
import { codeBytes, finishOutput, isOutput, printDtype, printShape, recordAt, recordCount } from "./records";
import { print, printByte, printBytes, printNumber } from "./stream";

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;

export function printJson(): void {
  print('{"outputs":[');
  let first = true;
  for (let i = 0; i < recordCount(); i++) {
    const record = recordAt(i);
    if (!isOutput(record)) continue;
    if (!first) printByte(COMMA);
    first = false;
    printOutput(record, finishOutput(i));
  }
  print("]}\n");
}

function printOutput(record: usize, data: usize): void {
  const size = codeBytes(record);
  const count = word(record, IO_BYTES) / size;
  const unsigned = word(record, IO_DTYPE) == DTYPE_UINT8;
  print('{"name":');
  printString(ioPtr + word(record, IO_NAME_AT), word(record, IO_NAME_BYTES));
  print(',"dtype":"');
  printDtype(record);
  print('","shape":');
  printShape(record);
  print(',"data":[');
  let top = 0;
  for (let i = 0; i < count; i++) {
    if (i > 0) printByte(COMMA);
    const code = codeAt(data + i * size, size, unsigned);
    printNumber(code);
    if (code > codeAt(data + top * size, size, unsigned)) top = i;
  }
  print('],"top":');
  printNumber(top);
  if (word(record, IO_LABELS_AT) != 0) printLabel(record, top % word(record, IO_CANONICAL_SHAPE + 8));
  printByte(0x7d);
}

function codeAt(ptr: usize, size: i32, unsigned: bool): i32 {
  if (size == 4) return load<i32>(ptr);
  return unsigned ? <i32>load<u8>(ptr) : <i32>load<i8>(ptr);
}

/** The label in line `channel`, where there are so many. */
function printLabel(record: usize, channel: i32): void {
  let start = ioPtr + word(record, IO_LABELS_AT);
  const end = start + word(record, IO_LABELS_BYTES);
  for (; channel > 0; channel--) {
    start = lineEnd(start, end) + 1;
    if (start > end) return;
  }
  print(',"label":');
  printString(start, lineEnd(start, end) - start);
}

function lineEnd(ptr: usize, end: usize): usize {
  while (ptr < end && load<u8>(ptr) != LINE_FEED) ptr++;
  return ptr;
}

/** A JSON string from UTF-8; bytes that are no UTF-8 become U+FFFD. */
function printString(ptr: usize, length: usize): void {
  const end = ptr + length;
  printByte(QUOTE);
  while (ptr < end) {
    const byte: i32 = load<u8>(ptr);
    const bytes = sequenceBytes(ptr, end);
    if (bytes == 0) {
      print("\\ufffd");
    } else if (byte < 0x20) {
      print("\\u00");
      printByte(0x30 + (byte >> 4));
      printByte((byte & 15) < 10 ? 0x30 + (byte & 15) : 0x57 + (byte & 15));
    } else {
      if (byte == QUOTE || byte == BACKSLASH) printByte(BACKSLASH);
      printBytes(ptr, bytes);
    }
    ptr += max<usize>(bytes, 1);
  }
  printByte(QUOTE);
}

/** Bytes of the well-formed UTF-8 sequence at `ptr` (Unicode table 3-7); 0 where there is none. */
function sequenceBytes(ptr: usize, end: usize): usize {
  const lead: i32 = load<u8>(ptr);
  if (lead < 0x80) return 1;
  const bytes: usize = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes > end - ptr) return 0;
  const second: i32 = load<u8>(ptr, 1);
  const low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i: usize = 2; i < bytes; i++) {
    if ((load<u8>(ptr + i) & 0xc0) != 0x80) return 0;
  }
  return bytes;
}
