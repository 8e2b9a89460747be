import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../cases/sources.ts";

const { packTexts }: { packTexts(source: string): string } = await import(
  join(ROOT, "assembly/pack-texts.mjs")
);

const packed = (text: string) => `changetype<string>(memory.data<u8>([${[...Buffer.from(text), 0]}], 1))`;

test("literals become ASCII bytes with a zero behind", () => {
  expect(packTexts('print("a\\n");')).toBe(`print(${packed("a\n")});`);
  expect(packTexts(`print('{"b":');`)).toBe(`print(${packed('{"b":')});`);
  expect(packTexts(`fail("the host's", 'a \\\\ b');`)).toBe(
    `fail(${packed("the host's")}, ${packed("a \\ b")});`,
  );
});

test("comments, imports and decorators stay as they are", () => {
  for (const source of [
    `// the model's "path"`,
    `/** For messages: \`"image"\`,\n the host's. */`,
    'import { print } from "./stream";',
    '@external("wasi_snapshot_preview1", "fd_read")',
  ]) {
    expect(packTexts(source)).toBe(source);
  }
});

test("what is not ASCII is refused by name", () => {
  expect(() => packTexts('print("Größe");')).toThrow('not ASCII: "Größe"');
});
