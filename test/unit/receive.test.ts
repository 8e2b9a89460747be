import { expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import type { DyadicError } from "../../src/error.ts";
import { InferenceSession } from "../../src/runtime/node.ts";
import { randomGraph } from "../cases/graphs.ts";

const { model } = compileGraph(randomGraph(1));
const digest = Buffer.from(model.subarray(32, 64)).toString("hex");

/** Bytes in pieces of one size. */
function stream(bytes: Uint8Array, piece: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
    },
  });
}

async function failure(bytes: Uint8Array, options = {}): Promise<DyadicError> {
  return InferenceSession.create(stream(bytes, 50), { file: "net.dyad", ...options }).then(
    () => expect.unreachable(),
    (error) => error,
  );
}

test.each([1, 7, 63, 64, 65, 1000, 1e6])("a model arrives in pieces of %i bytes", async (piece) => {
  const seen: [number, number][] = [];
  const onProgress = (loaded: number, total: number) => void seen.push([loaded, total]);
  const whole = await InferenceSession.create(model);
  const session = await InferenceSession.create(stream(model, piece), { onProgress });
  expect(session.sha256).toBe(digest);
  expect(session.memoryBytes).toBe(whole.memoryBytes);
  expect(seen.at(-1)).toEqual([model.length, model.length]);
  expect(seen).toHaveLength(Math.ceil(model.length / piece));
});

test("short, long, foreign and damaged streams are refused by name", async () => {
  const page = new TextEncoder().encode(`<!doctype html>${" ".repeat(200)}`);
  for (const [bytes, code, says] of [
    [new Uint8Array(0), "CORRUPT", "cut short"],
    [model.subarray(0, 40), "CORRUPT", "cut short"],
    [model.subarray(0, -64), "CORRUPT", `found: ${model.length - 64} bytes`],
    [new Uint8Array([...model, 0]), "CORRUPT", `expected: ${model.length} bytes`],
    [page, "BAD_FILE", "not a Dyadic model"],
    [model.with(-1, model.at(-1)! ^ 1), "CORRUPT", "SHA-256"],
  ] as const) {
    const error = await failure(bytes);
    expect(error).toMatchObject({ code, message: expect.stringContaining(says) });
    expect(error.message).toMatch(/^net\.dyad: /);
  }
});

test("the memory limit holds before memory is taken", async () => {
  expect(await failure(model, { memoryLimit: 1000 })).toMatchObject({ code: "OUT_OF_MEMORY" });
});

test("an aborted transfer throws the signal's reason", async () => {
  const controller = new AbortController();
  const onProgress = () => controller.abort(new Error("enough"));
  expect((await failure(model, { signal: controller.signal, onProgress })).message).toBe("enough");
});
