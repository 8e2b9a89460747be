import { describe, expect, test } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { InferenceSession } from "../../src/runtime/node.ts";
import { GraphBuilder } from "../cases/builder.ts";

/** A model that gives back its input. */
async function echo(shape: [number, number, number, number], dtype: "int8" | "uint8") {
  const builder = new GraphBuilder("echo");
  const quantization = { scale: 1, zeroPoint: 0 };
  const input = builder.input(shape, quantization, dtype);
  builder.output(builder.node("requantize", [input], { activation: "none" }, quantization), dtype);
  const session = await InferenceSession.create(compileGraph(builder.build()).model);
  const [input0, output0] = [session.inputMetadata[0]!.name, session.outputMetadata[0]!.name];
  return (value: ImageData) => Array.from(session.runSync({ [input0]: value })[output0]!.data);
}

/** ImageData as browsers have it; Node has none of its own. */
function imageData(width: number, height: number, rgba: readonly number[]): ImageData {
  return { width, height, data: Uint8ClampedArray.from(rgba), colorSpace: "srgb" } as unknown as ImageData;
}

const picture = imageData(2, 1, [255, 0, 10, 255, 1, 2, 3, 4]);

describe("ImageData of the input's size", () => {
  test("as RGB, RGBA and luma, for uint8 and int8 inputs", async () => {
    expect((await echo([1, 1, 2, 3], "uint8"))(picture)).toEqual([255, 0, 10, 1, 2, 3]);
    expect((await echo([1, 1, 2, 4], "uint8"))(picture)).toEqual([255, 0, 10, 255, 1, 2, 3, 4]);
    expect((await echo([1, 1, 2, 1], "uint8"))(picture)).toEqual([77, 2]);
    expect((await echo([1, 1, 2, 3], "int8"))(picture)).toEqual([127, -128, -118, -127, -126, -125]);
  });

  test("is refused where the input is no picture, or must be scaled without a canvas", async () => {
    const flat = await echo([1, 1, 1, 6], "uint8");
    expect(() => flat(picture)).toThrow(/does not take pictures/);
    const large = await echo([1, 4, 4, 3], "uint8");
    expect(() => large(picture)).toThrow(expect.objectContaining({ code: "UNSUPPORTED_HOST" }));
  });
});
