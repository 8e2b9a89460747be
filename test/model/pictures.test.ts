import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decodePicture } from "../../src/cli/inputs/picture.ts";
import { toChannels } from "../../src/inputs/picture.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { asset } from "../cases/models.ts";

const PICTURES = 64;

test.skipIf(assetsDirectory === null)("JPEGs decode as libjpeg does, to a unit or two", () => {
  const data = asset("imagenet/rgb224_64.npy").data as Uint8Array;
  const lines = readFileSync(join(assetsDirectory!, "imagenet/labels.csv"), "utf8").trim().split("\n");
  let [sum, largest, count] = [0, 0, 0];
  lines.slice(1, PICTURES + 1).forEach((line, i) => {
    const bytes = new Uint8Array(
      readFileSync(join(assetsDirectory!, "imagenet/images", line.split(",")[0]!)),
    );
    const picture = toChannels(decodePicture(bytes, "jpg"), 3, false);
    picture.bytes.forEach((byte, at) => {
      const off = Math.abs(byte - data[i * picture.bytes.length + at]!);
      sum += off;
      largest = Math.max(largest, off);
      count++;
    });
  });
  console.log(`${PICTURES} pictures: off by ${(sum / count).toFixed(3)} on average, ${largest} at most`);
  expect(count).toBe(data.length);
  expect(sum / count).toBeLessThan(0.5);
});
