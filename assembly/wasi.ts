// The gateway command: dyadic-wasi.wasm [--json | --ndjson] [--loop] MODEL.dyad < input > output. The same engine, behind WASI preview 1.
import { DOT_NONE, DOT_PAIR_SATURATING, DOT_UNSIGNED, FORMAT_MAJOR, FORMAT_MINOR, IO_BYTES, OK } from "./abi";
import { HAS_RELAXED_DOT } from "./build";
import { resetStates, runSteps, testClass } from "./engine";
import { stepCount, word } from "./state";
import { complain, EXIT_USER, expected, fail, failStatus, found, foundErrno, nameModel } from "./wasi/failure";
import { args_get, args_sizes_get, proc_exit, STDOUT } from "./wasi/imports";
import { printJson } from "./wasi/json";
import { loadModelAt } from "./wasi/model-file";
import { atEnd, printPlace, readLine, skipLine } from "./wasi/ndjson";
import {
  checkRecords,
  describe,
  finishOutput,
  isInput,
  isOutput,
  readSample,
  recordAt,
  recordCount,
  sampleBytes,
} from "./wasi/records";
import { flush, print, printByte, printBytes, printNumber, printTo, readErrno } from "./wasi/stream";

const ARGUMENT_CAPACITY: u32 = 8192;
const ARGUMENTS: usize = memory.data(8192, 16);
const SIZES: usize = memory.data(8, 8);
const DASH: u8 = 0x2d;
const USAGE = "try `dyadic-wasi --help`";

let modelPath: usize = 0;
let json: bool = false;
let lines: bool = false;
let loop: bool = false;
let reset: bool = false;

export function _start(): void {
  readArguments();
  if (modelPath == 0) {
    complain("no model is given");
    fail(USAGE, EXIT_USER);
  }
  const length = textBytes(modelPath);
  nameModel(modelPath, length);
  if (length == 0) {
    complain("the model's path is empty");
    fail(USAGE, EXIT_USER);
  }
  loadModelAt(modelPath, length);
  const status = checkRecords();
  if (status != OK) failStatus(status);
  runSamples();
}

function readArguments(): void {
  args_sizes_get(SIZES, SIZES + 4);
  const count = load<u32>(SIZES);
  if (<u64>count * 4 + load<u32>(SIZES, 4) > ARGUMENT_CAPACITY) {
    complain("the arguments are too long");
    fail("give a shorter path", EXIT_USER);
  }
  args_get(ARGUMENTS, ARGUMENTS + count * 4);
  for (let i: u32 = 1; i < count; i++) readArgument(load<usize>(ARGUMENTS + i * 4));
}

function readArgument(argument: usize): void {
  if (load<u8>(argument) != DASH) {
    if (modelPath != 0) {
      complain("more than one model is given: ");
      printBytes(argument, textBytes(argument));
      fail(USAGE, EXIT_USER);
    }
    modelPath = argument;
  } else if (equals(argument, "--json")) {
    json = true;
  } else if (equals(argument, "--ndjson")) {
    json = true;
    lines = true;
  } else if (equals(argument, "--loop")) {
    loop = true;
  } else if (equals(argument, "--reset")) {
    reset = true;
  } else if (equals(argument, "--help") || equals(argument, "-h")) {
    printUsage();
  } else if (equals(argument, "--version")) {
    printVersion();
  } else {
    complain("unknown option ");
    printBytes(argument, textBytes(argument));
    fail(USAGE, EXIT_USER);
  }
}

function textBytes(text: usize): usize {
  let end = text;
  while (load<u8>(end) != 0) end++;
  return end - text;
}

/** Compares an argument with a packed literal, zeros behind them included. */
function equals(text: usize, literal: string): bool {
  return memory.compare(text, changetype<usize>(literal), textBytes(text) + 1) == 0;
}

function printUsage(): void {
  print("usage: dyadic-wasi.wasm [--json | --ndjson] [--loop] [--reset] MODEL.dyad < INPUT > OUTPUT\n\n");
  print("Runs a Dyadic model on raw input codes: the inputs of the model one behind the other, dense,\n");
  print("channels last, in their own dtype (int8 or uint8). Input for several samples gives several outputs.\n\n");
  print("  --json     one line of JSON a sample: names, shapes, codes, the first maximum and its label\n");
  print('  --ndjson   as --json, and a line of JSON a sample in: {"NAME":[CODES]} of every input\n');
  print("  --loop     a service: no input is fine; with --ndjson a wrong line is answered by an error, and it goes on\n");
  print("  --reset    clear the model's states before every sample; else samples are one stream\n");
  print("  --version  format and build\n");
  print("  --help     this text\n\n");
  print("The host must open the model's directory for the command (wasmtime --dir=., wazero -mount=.:/).\n");
  print("Limits: 1 GiB of memory, 10^11 multiply-adds a sample.\n");
  print("Exit codes: 0 fine, 1 wrong arguments, input or model file, 2 a model of another version.\n");
  flush();
  proc_exit(0);
}

function printVersion(): void {
  print("dyadic-wasi, format ");
  printNumber(FORMAT_MAJOR);
  printByte(0x2e);
  printNumber(FORMAT_MINOR);
  print(HAS_RELAXED_DOT ? ", relaxed build" : ASC_FEATURE_SIMD ? ", SIMD build" : ", scalar build");
  if (HAS_RELAXED_DOT) {
    const dotClass = testClass();
    print(", dot product of class ");
    if (dotClass == DOT_NONE) print("none");
    else print(dotClass == DOT_UNSIGNED ? "U" : dotClass == DOT_PAIR_SATURATING ? "P" : "S");
  }
  printByte(0x0a);
  flush();
  proc_exit(0);
}

/** Runs sample after sample until stdin ends; a model without inputs runs once. */
function runSamples(): void {
  printTo(STDOUT);
  for (let samples: i64 = 0; lines ? nextLine(samples) : nextFrame(samples); samples++) {
    if (reset) resetStates();
    const status = runSteps(0, stepCount);
    if (status != OK) failStatus(status);
    printOutputs();
  }
}

/** Reads a sample of raw codes; false at the end of stdin. */
function nextFrame(samples: i64): bool {
  const bytes = sampleBytes();
  const got = readSample();
  checkRead();
  if (got == 0 && (samples > 0 || (loop && bytes > 0))) return false;
  if (got < bytes) failInput(samples, got);
  return true;
}

/** Reads a line of JSON; false at the end of stdin. A service answers those that are no samples, and goes on. */
function nextLine(samples: i64): bool {
  for (let problem = readLine(); problem !== null; problem = readLine()) {
    checkRead();
    if (!loop) failLine(problem);
    print('{"error":"');
    print(problem);
    print('",');
    printPlace();
    print("}\n");
    flush();
    skipLine();
  }
  checkRead();
  if (atEnd && samples == 0 && !loop) failInput(0, 0);
  return !atEnd;
}

function checkRead(): void {
  if (readErrno == 0) return;
  complain("standard input cannot be read");
  foundErrno(readErrno);
  fail("redirect a file or a pipe to the command", EXIT_USER);
}

function printOutputs(): void {
  if (json) {
    printJson();
  } else {
    for (let i = 0; i < recordCount(); i++) {
      if (isOutput(recordAt(i))) printBytes(finishOutput(i), word(recordAt(i), IO_BYTES));
    }
  }
  flush();
}

function failLine(problem: string): void {
  complain(problem);
  expectInputs();
  found();
  printPlace();
  fail('give lines such as {"NAME":[CODES]}; samples before this one were run and written', EXIT_USER);
}

function expectInputs(): void {
  expected();
  printNumber(sampleBytes());
  print(" bytes a sample:");
  for (let i = 0; i < recordCount(); i++) {
    if (!isInput(recordAt(i))) continue;
    printByte(0x20);
    describe(recordAt(i));
  }
}

function failInput(samples: i64, got: i64): void {
  complain(samples + got == 0 ? "standard input is empty" : "standard input does not hold whole samples");
  expectInputs();
  found();
  printNumber(samples);
  print(" whole and ");
  printNumber(got);
  print(" bytes");
  fail("give the inputs' codes without a file header; whole samples before the end were run and written", EXIT_USER);
}
