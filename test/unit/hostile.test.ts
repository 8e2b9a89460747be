import { beforeAll, describe, expect, test } from "vitest";
import {
  PREFIX_ARENA_BYTES,
  PREFIX_BYTES,
  PREFIX_DIGEST,
  PREFIX_FEATURES,
  PREFIX_MAJOR,
  PREFIX_MINOR,
  SECTION_KIND,
  TENSOR_HALO_BOTTOM,
  TENSOR_OFFSET,
  TENSOR_ROW_PITCH,
} from "../../assembly/abi.ts";
import { DyadicError } from "../../src/error.ts";
import { loadModel } from "../../src/runtime/engine.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { openEngine, type TestExports } from "../cases/engine.ts";
import { dissect, MUTATIONS, mutate, sign } from "../cases/hostile.ts";
import {
  everyOp,
  judge,
  NAME,
  openVariants,
  smallModels,
  type Tally,
  tryLoad,
  written,
} from "../cases/hostile-run.ts";
import { Random } from "../cases/random.ts";

const FILES = 10_000;
/** Instances serve this many files, so that a file also meets what another one left behind. */
const FILES_PER_INSTANCE = 50;

describe("hostile files", () => {
  let models: Uint8Array[];
  beforeAll(() => {
    models = smallModels(24);
  });

  test(`${FILES} damaged files: refused with a place, or the same outputs in every build`, async () => {
    const names = Object.keys(MUTATIONS);
    const tally: Tally = { stale: 0, refused: 0, ran: 0, slowest: 0, codes: {} };
    const started = performance.now();
    let engines: TestExports[] = [];
    for (let seed = 0; seed < FILES; seed++) {
      if (seed % FILES_PER_INSTANCE === 0) engines = await openVariants();
      const random = new Random(seed);
      const mutation = names[seed % names.length]!;
      const model = random.pick(models);
      const before = performance.now();
      try {
        const damaged = mutate(model, mutation, random);
        const same = Buffer.from(damaged).equals(model);
        const stale = tryLoad(engines[seed % engines.length]!, damaged, true);
        if (!same) expect(stale, "a stale digest").toBeInstanceOf(DyadicError);
        tally.stale++;
        judge(engines, sign(damaged), tally);
      } catch (error) {
        throw new Error(`seed ${seed}, ${mutation}: ${(error as Error).stack}`, { cause: error });
      }
      tally.slowest = Math.max(tally.slowest, performance.now() - before);
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${FILES} files in ${seconds} s, slowest ${tally.slowest.toFixed(0)} ms: ${JSON.stringify(tally.codes)}`,
    );
    expect(tally.refused + tally.ran).toBe(FILES);
    expect(tally.ran).toBeGreaterThan(FILES / 20);
  });
});

/** A chain of `length` equal steps on [1, size, size, 1], each the work of its op. */
function chain(length: number, size: number, op: string, attributes: unknown): Uint8Array {
  const builder = new GraphBuilder("endless");
  const affine = { scale: 1, zeroPoint: 0 };
  let x = builder.input([1, size, size, 1], affine);
  for (let i = 0; i < length; i++) x = builder.node(op, [x], attributes, affine);
  builder.output(x);
  return written(builder.build());
}

/** A max pool over everything, at every pixel. */
function wholePool(size: number) {
  const padding = [size / 2, size / 2, size / 2 - 1, size / 2 - 1];
  return { kernel: [size, size], stride: [1, 1], padding, activation: "none" };
}

/** Every tensor gets a halo of 2^29 bytes below its one pixel. */
function withHugeHalos(model: Uint8Array): Uint8Array<ArrayBuffer> {
  const { file, view, tensors } = dissect(new Uint8Array(model));
  for (const tensor of tensors) {
    view.setInt32(tensor + TENSOR_OFFSET, 0, true);
    view.setInt32(tensor + TENSOR_ROW_PITCH, 8192, true);
    view.setInt32(tensor + TENSOR_HALO_BOTTOM, 65_535, true);
  }
  view.setInt32(PREFIX_ARENA_BYTES, 2 ** 29 + 64, true);
  return sign(file);
}

const ENDLESS = [
  { name: "one pool of 10^13 elements", file: () => chain(1, 2048, "maxPool", wholePool(2048)) },
  // 128 x 2^28 x 2^28 = 2^63, 256 of them 2^64: a sum of work that leaves 64 bits, to a negative one and to 0.
  { name: "work of 2^63", file: () => chain(128, 16_384, "maxPool", wholePool(16_384)) },
  { name: "work of 2^64", file: () => chain(256, 16_384, "maxPool", wholePool(16_384)) },
  {
    name: "250 halos of half a gibibyte",
    file: () => withHugeHalos(chain(250, 1, "requantize", { activation: "none" })),
  },
];

describe.each(ENDLESS)("endless work: $name", ({ file }) => {
  test("is refused before anything runs, with the limits that sessions have", async () => {
    const engine = await openEngine("test-scalar");
    expect(refusal(engine, file())).toMatchObject({ code: "TOO_MUCH_WORK", place: { file: NAME } });
  });
});

/** The error of loading a file under the default limits. */
function refusal(engine: TestExports, file: Uint8Array): DyadicError {
  try {
    loadModel(engine, file, NAME);
  } catch (error) {
    if (error instanceof DyadicError) return error;
    throw error;
  }
  throw new Error("the file was accepted");
}

type Edit = (view: DataView, file: Uint8Array<ArrayBuffer>) => unknown;

/** One field made wrong, or other bytes; the digest is true unless `stale`. */
const REFUSALS: readonly { name: string; edit: Edit; stale?: true; code: string; says: RegExp }[] = [
  { name: "nothing at all", edit: () => new Uint8Array(0), code: "CORRUPT", says: /cut short/ },
  {
    name: "a truncated file",
    edit: (_, file) => file.slice(0, -64),
    stale: true,
    code: "CORRUPT",
    says: /cut short[\s\S]*expected: \d+ bytes/,
  },
  { name: "a wrong magic", edit: (view) => view.setUint8(0, 88), code: "BAD_FILE", says: /not a \.dyad/ },
  {
    name: "a newer major version",
    edit: (view) => view.setUint16(PREFIX_MAJOR, 2, true),
    code: "UNSUPPORTED_VERSION",
    says: /format version[\s\S]*value 2[\s\S]*update dyadic/,
  },
  {
    name: "a newer minor version",
    edit: (view) => view.setUint16(PREFIX_MINOR, 9, true),
    code: "UNSUPPORTED_VERSION",
    says: /format version[\s\S]*value 9/,
  },
  {
    name: "an unknown critical section",
    edit: (view) => view.setUint32(PREFIX_BYTES + SECTION_KIND, 77, true),
    code: "UNSUPPORTED_VERSION",
    says: /critical section[\s\S]*value 77/,
  },
  {
    name: "an unknown feature",
    edit: (view) => view.setUint32(PREFIX_FEATURES, 1 << 30, true),
    code: "UNSUPPORTED_VERSION",
    says: /feature[\s\S]*value 30/,
  },
  {
    name: "a corrupt digest",
    edit: (view) => view.setUint8(PREFIX_DIGEST, view.getUint8(PREFIX_DIGEST) ^ 1),
    stale: true,
    code: "CORRUPT",
    says: /SHA-256[\s\S]*fetch or compile it again/,
  },
];

test.each(REFUSALS)(
  "$name: code $code, with the file and what to do",
  async ({ edit, stale, code, says }) => {
    const { file, view } = dissect(new Uint8Array(everyOp()));
    const other = edit(view, file);
    const edited = other instanceof Uint8Array ? new Uint8Array(other) : file;
    const error = refusal(await openEngine("test-scalar"), stale ? edited : sign(edited));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(new RegExp(`^${NAME}: `));
    expect(error.message).toMatch(says);
    expect(error.place.hint).toBeTruthy();
  },
);
