import { expect, test } from "vitest";
import { readmeText, withSpeedSection } from "../bench/readme-speed.ts";

test("README's table of speed is what the committed results say: npm run readme in test/bench writes it", () => {
  expect(readmeText()).toBe(withSpeedSection(readmeText()));
});
