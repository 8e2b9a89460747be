// What both Workers answer: GET describes the model, POST classifies the raw bytes of one input.
import { DyadicError, type InferenceSession } from "dyadic";

export async function answer(request: Request, loading: Promise<InferenceSession>): Promise<Response> {
  try {
    const session = await loading;
    if (request.method === "POST") return Response.json(await classify(session, await request.arrayBuffer()));
    const { sha256, memoryBytes, inputMetadata, outputMetadata } = session;
    return Response.json({ sha256, memoryBytes, inputs: inputMetadata, outputs: outputMetadata });
  } catch (error) {
    if (!(error instanceof DyadicError)) throw error;
    const status = error.code === "BAD_INPUT" ? 400 : 500;
    return Response.json({ code: error.code, message: error.message }, { status });
  }
}

/** The three best classes. Codes rank as their reals do: one scale for all. */
async function classify(session: InferenceSession, body: ArrayBuffer) {
  const { name, type } = session.inputMetadata[0]!;
  const outputs = await session.run({
    [name]: type === "uint8" ? new Uint8Array(body) : new Int8Array(body),
  });
  const [output] = Object.values(outputs);
  const reals = output!.dequantize();
  const ranked = Array.from(reals, (score, index) => ({ index, score, label: output!.labels?.[index] }));
  ranked.sort((a, b) => b.score - a.score);
  return { model: session.sha256, classes: ranked.slice(0, 3) };
}
