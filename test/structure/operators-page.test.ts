import { expect, test } from "vitest";
import { operatorsPage } from "../cases/operators-page.ts";
import { sourceText } from "../cases/sources.ts";

test("docs/operators.md says what is supported now: npm run docs:operators writes it", () => {
  expect(sourceText("docs/operators.md")).toBe(operatorsPage());
});
