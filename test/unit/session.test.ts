import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { DyadicError, InferenceSession, Tensor } from "../../src/runtime/node.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";

/** A seed whose graph has one uint8 input, and what the reference makes of random codes. */
function model() {
  for (let seed = 1; ; seed++) {
    const graph = randomGraph(seed);
    if (graph.inputs.length !== 1 || graph.inputs[0]!.dtype !== "uint8") continue;
    const { model, integer } = compileGraph(graph);
    const [codes] = randomInputs(graph, seed);
    const values = runReference(integer, [codes!]);
    const input = Uint8Array.from(codes!, (code) => code + 128);
    return { bytes: model, graph, integer, input, values };
  }
}

const { bytes, graph, integer, input, values } = model();
const name = graph.inputs[0]!.name;

function expectOutputs(outputs: Record<string, Tensor>): void {
  for (const border of integer.outputs) {
    const codes = values[border.tensor]!;
    const shift = border.dtype === "uint8" ? 128 : 0;
    expect(Array.from(outputs[border.name]!.data)).toEqual(Array.from(codes, (code) => code + shift));
  }
}

async function failure(promise: Promise<unknown>): Promise<DyadicError> {
  const error = await promise.then(
    () => null,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(DyadicError);
  return error;
}

test("runs integer codes and floats alike", async () => {
  const session = await InferenceSession.create(bytes);
  expectOutputs(await session.run({ [name]: input }));
  const { scale, zeroPoint, shape } = session.inputMetadata[0]!;
  const reals = Float32Array.from(input, (code) => scale * (code - zeroPoint));
  expectOutputs(session.runSync({ [name]: new Tensor("float32", reals, shape) }));
  for (const output of Object.values(session.runSync({ [name]: input }))) {
    const real = output.dequantize();
    expect(real[0]).toBeCloseTo(output.scale * (output.data[0]! - output.zeroPoint), 5);
  }
});

test("concurrent runs do not mix", async () => {
  const session = await InferenceSession.create(bytes);
  const all = await Promise.all(Array.from({ length: 50 }, () => session.run({ [name]: input })));
  for (const outputs of all) expectOutputs(outputs);
});

test("memory after load: file, arena and at most 128 KB", async () => {
  const session = await InferenceSession.create(bytes);
  const { layout } = compileGraph(graph);
  expect(session.memoryBytes).toBeLessThanOrEqual(bytes.length + layout.peakBytes + 128 * 1024);
});

describe("the host's own digest", () => {
  const digest = (content: Uint8Array<ArrayBuffer>) => crypto.subtle.digest("SHA-256", content);
  const damaged = (at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

  test("is asked for the whole file, and leaves it as it is", async () => {
    const kept = bytes.slice();
    const asked: number[] = [];
    const counted = (content: Uint8Array<ArrayBuffer>) => {
      asked.push(content.length);
      return digest(content);
    };
    const session = await InferenceSession.create(bytes, { digest: counted });
    expect(asked).toEqual([bytes.length]);
    expect(bytes).toEqual(kept);
    expectOutputs(await session.run({ [name]: input }));
    await InferenceSession.create(new Blob([bytes as BlobPart]).stream(), { digest: counted });
    expect(asked).toEqual([bytes.length, bytes.length]);
    await InferenceSession.create(bytes, { digest: counted, verify: false });
    expect(asked).toHaveLength(2);
  });

  test("finds what the engine's finds, and says the same of it", async () => {
    for (let at = 0; at < bytes.length; at += 7) {
      const own = await failure(InferenceSession.create(damaged(at)));
      const hosts = await failure(InferenceSession.create(damaged(at), { digest }));
      expect(hosts.message).toBe(own.message);
    }
  });
});

describe("errors", () => {
  test("wrong, missing and unknown inputs name what is expected", async () => {
    const session = await InferenceSession.create(bytes, { file: "net.dyad" });
    for (const feeds of [
      {},
      { [name]: input.subarray(1) },
      { [name]: input, other: input },
      { [name]: new Int8Array(input) },
    ]) {
      const error = await failure(session.run(feeds));
      expect(error.code).toBe("BAD_INPUT");
      expect(error.message).toContain("net.dyad");
      expect(error.message).toContain(name);
    }
  });

  test("a disposed session says so", async () => {
    const session = await InferenceSession.create(bytes);
    session[Symbol.dispose]();
    expect((await failure(session.run({ [name]: input }))).code).toBe("DISPOSED");
  });

  test("limits of memory and work", async () => {
    expect((await failure(InferenceSession.create(bytes, { memoryLimit: 1000 }))).code).toBe("OUT_OF_MEMORY");
    expect((await failure(InferenceSession.create(bytes, { maxMacs: 0 }))).code).toBe("TOO_MUCH_WORK");
  });

  test("damaged, foreign and missing files", async () => {
    const damaged = bytes.slice();
    damaged[damaged.length - 1]! ^= 1;
    expect((await failure(InferenceSession.create(damaged))).code).toBe("CORRUPT");
    expect((await failure(InferenceSession.create(bytes.subarray(0, 100)))).code).toBe("CORRUPT");
    expect((await failure(InferenceSession.create(new Uint8Array(8)))).code).toBe("BAD_FILE");
    const missing = await failure(InferenceSession.create("no/such/file.dyad"));
    expect(missing.message).toContain("no/such/file.dyad");
  });
});

describe("models over HTTP", () => {
  let server: Server;
  let base: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === "/missing.dyad") return void response.writeHead(404).end();
      response.writeHead(200, { "content-length": bytes.length });
      if (request.url === "/broken.dyad") {
        response.write(bytes.subarray(0, 200), () => response.destroy());
        return;
      }
      response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  test("arrive with progress", async () => {
    const seen: number[] = [];
    const session = await InferenceSession.create(`${base}/net.dyad`, {
      onProgress: (loaded, total) => {
        expect(total).toBe(bytes.length);
        seen.push(loaded);
      },
    });
    expect(seen.at(-1)).toBe(bytes.length);
    expectOutputs(await session.run({ [name]: input }));
  });

  test("refused, broken off and aborted", async () => {
    const missing = await failure(InferenceSession.create(`${base}/missing.dyad`));
    expect(missing.message).toContain("status 404");
    expect((await failure(InferenceSession.create(`${base}/broken.dyad`))).code).toBe("BAD_FILE");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(InferenceSession.create(`${base}/net.dyad`, { signal })).rejects.toThrow("enough");
  });
});
