// Bytes in and out: whole transfers from partial ones, and one small buffer for text.
import {
  ERRNO_AGAIN,
  ERRNO_INTR,
  ERRNO_IO,
  fd_read,
  fd_write,
  proc_exit,
  sched_yield,
  STDERR,
  STDIN,
  STDOUT,
} from "./imports";
import { errnoText } from "./errno";

const VECTOR: usize = memory.data(8, 8);
const DONE: usize = memory.data(4, 8);
const CAPACITY: usize = 4096;
const BUFFER: usize = memory.data(4096, 16);
const AHEAD: usize = memory.data(4096, 16);

let target: i32 = STDOUT;
let used: usize = 0;
let aheadAt: usize = 0;
let aheadBytes: usize = 0;

/** What the last read failed with; 0 where it met the end of the stream or got everything. */
export let readErrno: i32 = 0;

/** Whether an errno only means "not now". */
function transient(errno: i32): bool {
  if (errno == ERRNO_AGAIN) sched_yield();
  return errno == ERRNO_AGAIN || errno == ERRNO_INTR;
}

/** One transfer of at most `length` bytes, as soon as there are any; 0 at the end of the stream, or with `readErrno`. */
function readSome(fd: i32, ptr: usize, length: usize): usize {
  store<usize>(VECTOR, ptr);
  store<usize>(VECTOR, length, 4);
  do readErrno = fd_read(fd, VECTOR, 1, DONE);
  while (transient(readErrno));
  const done: usize = load<u32>(DONE);
  if (readErrno == 0 && done > length) readErrno = ERRNO_IO;
  return readErrno == 0 ? done : 0;
}

/** Reads until `length` bytes are there or the stream ends; returns how many there are. */
export function readAll(fd: i32, ptr: usize, length: usize): usize {
  let total: usize = 0;
  let done: usize = 1;
  readErrno = 0;
  while (total < length && done > 0) {
    done = readSome(fd, ptr + total, length - total);
    total += done;
  }
  return total;
}

/** The next byte of stdin; -1 at its end, or with `readErrno`. */
export function readByte(): i32 {
  if (aheadAt == aheadBytes) {
    aheadAt = 0;
    aheadBytes = readSome(STDIN, AHEAD, CAPACITY);
    if (aheadBytes == 0) return -1;
  }
  return load<u8>(AHEAD + aheadAt++);
}

/** Writes all of `length` bytes; returns 0 or what went wrong. */
function writeAll(fd: i32, ptr: usize, length: usize): i32 {
  const end = ptr + length;
  while (ptr < end) {
    store<usize>(VECTOR, ptr);
    store<usize>(VECTOR, end - ptr, 4);
    const errno = fd_write(fd, VECTOR, 1, DONE);
    if (transient(errno)) continue;
    const done: usize = load<u32>(DONE);
    if (errno != 0) return errno;
    if (done == 0 || done > end - ptr) return ERRNO_IO;
    ptr += done;
  }
  return 0;
}

/** Everything printed from here on goes to `fd`. */
export function printTo(fd: i32): void {
  flush();
  target = fd;
}

export function flush(): void {
  const length = used;
  used = 0;
  send(BUFFER, length);
}

function send(ptr: usize, length: usize): void {
  const errno = writeAll(target, ptr, length);
  if (errno == 0 || target == STDERR) return; // there is nowhere left to complain about stderr
  target = STDERR;
  print("dyadic-wasi: standard output takes no more bytes: ");
  print(errnoText(errno));
  printByte(0x0a);
  flush();
  proc_exit(1);
}

export function printByte(value: i32): void {
  if (used == CAPACITY) flush();
  store<u8>(BUFFER + used, <u8>value);
  used++;
}

export function printBytes(ptr: usize, length: usize): void {
  if (length > CAPACITY) {
    flush();
    send(ptr, length);
    return;
  }
  for (let i: usize = 0; i < length; i++) printByte(load<u8>(ptr + i));
}

/** Prints a literal, which the build packs (pack-texts.mjs): ASCII with a zero behind. No string is ever made. */
export function print(text: string): void {
  for (let at = changetype<usize>(text); load<u8>(at) != 0; at++) printByte(load<u8>(at));
}

export function printNumber(value: i64): void {
  if (value < 0) printByte(0x2d);
  let rest: u64 = value < 0 ? 0 - <u64>value : <u64>value;
  let unit: u64 = 1;
  while (rest / unit >= 10) unit *= 10;
  for (; unit > 0; unit /= 10) {
    printByte(0x30 + <i32>(rest / unit));
    rest %= unit;
  }
}
