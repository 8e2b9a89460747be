// Finds the model below the preopened directories, reads it right into its place, and loads it.
import { BAD_DIGEST, BAD_LENGTH, OK, PREFIX_BYTES, PREFIX_DIGEST, PREFIX_FILE_BYTES } from "../abi";
import { loadFile, prefixStatus, requiredBytes, reserve } from "../engine";
import { sha256 } from "../sha256";
import { fail as noteFailure, work } from "../state";
import { complain, EXIT_USER, expected, fail, failStatus, found, foundErrno } from "./failure";
import {
  ERRNO_NOENT,
  fd_filestat_get,
  fd_prestat_dir_name,
  fd_prestat_get,
  FILESTAT_BYTES,
  FILESTAT_SIZE,
  FILESTAT_TYPE,
  FILETYPE_DIRECTORY,
  FILETYPE_REGULAR,
  FIRST_PREOPEN,
  LOOKUP_SYMLINK_FOLLOW,
  path_open,
  RIGHT_FD_FILESTAT_GET,
  RIGHT_FD_READ,
} from "./imports";
import { print, printNumber, readAll, readErrno } from "./stream";

/** Documented in the usage text. */
const MAX_MEMORY: u32 = 1 << 30;
const MAX_WORK: i64 = 100_000_000_000;

const SLASH: u8 = 0x2f;
const DOT: u8 = 0x2e;
const DIGEST_BYTES = 32;
const PREFIX: usize = memory.data(PREFIX_BYTES, 16);
const STATED: usize = memory.data(DIGEST_BYTES, 16);
const STAT: usize = memory.data(FILESTAT_BYTES, 8);
const PRESTAT: usize = memory.data(8, 8);
const NAME_CAPACITY: usize = 4096;
const NAME: usize = memory.data(4096, 16);
const OPENED: usize = memory.data(4, 8);

/** Loads the model at a path; a problem ends the program. */
export function loadModelAt(path: usize, length: usize): void {
  const fd = openModel(path, length);
  const fileBytes = readPrefix(fd);
  const total = requiredBytes(PREFIX);
  const ptr: usize = total > MAX_MEMORY ? 0 : reserve(total);
  if (ptr == 0) failMemory(total);
  memory.copy(ptr, PREFIX, PREFIX_BYTES);
  const rest = <usize>fileBytes - PREFIX_BYTES;
  const got = readAll(fd, ptr + PREFIX_BYTES, rest);
  if (got < rest) failLength(<i64>got + PREFIX_BYTES);
  if (readAll(fd, NAME, 1) != 0) failLength(<i64>fileBytes + 1);
  if (!digestMatches(ptr, fileBytes)) failStatus(BAD_DIGEST);
  const status = loadFile(ptr, fileBytes);
  if (status != OK) failStatus(status);
  if (work > MAX_WORK) failWork();
}

/** Reads and checks the first 64 bytes; returns the file's length, which a regular file must have. */
function readPrefix(fd: i32): i32 {
  const got = <i32>readAll(fd, PREFIX, PREFIX_BYTES);
  if (readErrno != 0) {
    complain("the model cannot be read");
    foundErrno(readErrno);
    fail("give the path of a .dyad file", EXIT_USER);
  }
  const status = prefixStatus(PREFIX, got);
  if (status != OK) failStatus(status);
  const stated = load<i32>(PREFIX, PREFIX_FILE_BYTES);
  const known = fd_filestat_get(fd, STAT) == 0 && load<u8>(STAT, FILESTAT_TYPE) == FILETYPE_REGULAR;
  // Checked before memory is reserved: a short file cannot ask for 2 GiB.
  if (known && load<u64>(STAT, FILESTAT_SIZE) != <u64>stated) failLength(load<i64>(STAT, FILESTAT_SIZE));
  return stated;
}

function failLength(length: i64): void {
  noteFailure(BAD_LENGTH, 0, PREFIX_FILE_BYTES, length > i32.MAX_VALUE ? i32.MAX_VALUE : <i32>length);
  failStatus(BAD_LENGTH);
}

function failMemory(total: u32): void {
  complain("the model does not fit into memory");
  expected();
  print("at most ");
  printNumber(MAX_MEMORY);
  print(" bytes, granted by the host");
  found();
  printNumber(total);
  print(" bytes needed");
  fail("raise the host's memory limit, or compile with a smaller --ram", EXIT_USER);
}

function failWork(): void {
  complain("one run of this model is more work than allowed");
  expected();
  print("at most ");
  printNumber(MAX_WORK);
  print(" multiply-adds");
  found();
  printNumber(work);
  fail("run a model of this size through dyadic's JavaScript runtime, which has maxMacs", EXIT_USER);
}

/** The digest in the prefix is that of the file with the digest itself zero. */
function digestMatches(ptr: usize, length: i32): bool {
  memory.copy(STATED, ptr + PREFIX_DIGEST, DIGEST_BYTES);
  memory.fill(ptr + PREFIX_DIGEST, 0, DIGEST_BYTES);
  const digest = sha256(ptr, length);
  memory.copy(ptr + PREFIX_DIGEST, STATED, DIGEST_BYTES);
  return memory.compare(digest, STATED, DIGEST_BYTES) == 0;
}

/** Bytes of leading `/` and `./`: to WASI programs, the working directory is the root. */
function rootBytes(path: usize, length: usize): usize {
  let at: usize = 0;
  while (at < length) {
    if (load<u8>(path + at) == SLASH) at++;
    else if (at + 1 < length && load<u8>(path + at) == DOT && load<u8>(path + at, 1) == SLASH) at += 2;
    else break;
  }
  return at;
}

/** Tries every preopened directory; returns the open file. */
function openModel(path: usize, length: usize): i32 {
  const absolute = load<u8>(path) == SLASH;
  const root = rootBytes(path, length);
  let problem = ERRNO_NOENT;
  let directory = FIRST_PREOPEN;
  for (; fd_prestat_get(directory, PRESTAT) == 0; directory++) {
    const errno = openBelow(directory, path + root, length - root, absolute);
    if (errno == 0) return load<i32>(OPENED);
    if (errno != ERRNO_NOENT) problem = errno;
  }
  complain("the model cannot be opened");
  foundErrno(problem);
  if (directory == FIRST_PREOPEN) {
    fail("the host opened no directory for the command: allow the model's, for example with --dir=.", EXIT_USER);
  }
  fail("give a path below a directory that the host opened for the command (--dir, -mount, preopens)", EXIT_USER);
  return -1;
}

/** Opens a path below one directory, by the directory's name; other relative paths start in any of them. */
function openBelow(directory: i32, path: usize, length: usize, absolute: bool): i32 {
  const bytes = directoryName(directory);
  if (bytes == 0) return openAt(directory, path, length);
  let errno = ERRNO_NOENT;
  if (bytes < length && memory.compare(NAME, path, bytes) == 0 && load<u8>(path + bytes) == SLASH) {
    const skipped = bytes + rootBytes(path + bytes, length - bytes);
    errno = openAt(directory, path + skipped, length - skipped);
  }
  return errno == 0 || absolute ? errno : openAt(directory, path, length);
}

/** Puts a directory's name into NAME, without slashes around it; returns its bytes, 0 for the root. */
function directoryName(directory: i32): usize {
  let bytes: usize = load<u32>(PRESTAT, 4);
  if (bytes > NAME_CAPACITY || fd_prestat_dir_name(directory, NAME, bytes) != 0) return 0;
  while (bytes > 0 && (load<u8>(NAME + bytes - 1) == SLASH || load<u8>(NAME + bytes - 1) == 0)) bytes--;
  const root = rootBytes(NAME, bytes);
  memory.copy(NAME, NAME + root, bytes - root);
  return bytes - root == 1 && load<u8>(NAME) == DOT ? 0 : bytes - root;
}

function openAt(directory: i32, path: usize, length: usize): i32 {
  const rights = RIGHT_FD_READ | RIGHT_FD_FILESTAT_GET;
  const errno = path_open(directory, LOOKUP_SYMLINK_FOLLOW, path, length, 0, rights, 0, 0, OPENED);
  if (errno != 0) return errno;
  const fd = load<i32>(OPENED);
  if (fd_filestat_get(fd, STAT) != 0 || load<u8>(STAT, FILESTAT_TYPE) != FILETYPE_DIRECTORY) return 0;
  complain("the model is a directory");
  fail("give the path of a .dyad file", EXIT_USER);
  return ERRNO_NOENT;
}
