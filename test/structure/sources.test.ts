import { expect, test } from "vitest";
import { productSources, repositoryFiles, sourceText } from "../cases/sources.ts";

const MOST_LINES = 400;
const MOST_FUNCTION_LINES = { src: 60, assembly: 150 };
const MACHINE_PATH = /(^|[^a-zA-Z.])\/(work|farm|tmp|root|home)\//;
const TEXT = /\.(ts|mjs|js|json|md|html|proto|fbs|ya?ml|toml|sh|css)$|^[^.]*$|^\.[^/]*$/;
const VAGUE_FOLDER = /(^|\/)(utils?|common|helpers?|types|misc)\//;

test("no file names a path of somebody's machine", () => {
  const found = repositoryFiles()
    .filter((path) => TEXT.test(path) && !path.endsWith("package-lock.json") && path !== "node_modules")
    .flatMap((path) =>
      sourceText(path)
        .split("\n")
        .filter((line) => MACHINE_PATH.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
  expect(found).toEqual([]);
});

test(`no source is longer than ${MOST_LINES} lines`, () => {
  const long = productSources().filter((path) => sourceText(path).split("\n").length > MOST_LINES + 1);
  expect(long).toEqual([]);
});

test("helpers live with their noun: no folder called utils, common, helpers, types or misc", () => {
  expect(repositoryFiles().filter((path) => VAGUE_FOLDER.test(path))).toEqual([]);
});

/** Functions and methods of a formatted file, with their lines: from the header's last line to the brace below it. */
function functions(path: string): { name: string; lines: number }[] {
  const lines = sourceText(path).split("\n");
  return lines.flatMap((line, start) => {
    const header =
      /^(\s*)(?!\s*(?:if|for|while|switch|else|catch|do|return|})\b)(.*(?:\)(?:: [^=]+)?|=>)) \{$/.exec(line);
    if (header === null) return [];
    const closing = lines.findIndex((other, at) => at > start && other.startsWith(`${header[1]}}`));
    return [{ name: `${path}:${start + 1}`, lines: closing - start - 1 }];
  });
}

test("functions are short: 60 lines in src, 150 in assembly", () => {
  const all = productSources().flatMap(functions);
  expect(all.length).toBeGreaterThan(300);
  const most = (name: string) => MOST_FUNCTION_LINES[name.startsWith("src/") ? "src" : "assembly"];
  expect(all.filter(({ name, lines }) => lines > most(name))).toEqual([]);
});

test("what kernels write to besides tensors and scratch is the thread's own (assembly/own.ts)", () => {
  const kernels = productSources().filter((path) =>
    /^assembly\/(kernels|numerics)\/|^assembly\/(parts|shares)\.ts/.test(path),
  );
  const statics = kernels.flatMap((path) => {
    return Array.from(sourceText(path).matchAll(/.*memory\.data\(.*/g), ([line]) => `${path}: ${line}`);
  });
  expect(statics.length).toBeGreaterThan(15);
  const tables = /const (TABLES|MASK): .*memory\.data\(/; // filled while loading, then read
  expect(statics.filter((line) => !line.includes("OWN + memory.data(") && !tables.test(line))).toEqual([]);
});

test("every equation that a source cites is defined in src/numerics/README.md, and each is cited", () => {
  const defined = Array.from(
    sourceText("src/numerics/README.md").matchAll(/^\*\*\((\d+)\)\*\*/gm),
    ([, n]) => n!,
  );
  const cited = productSources().flatMap((path) =>
    Array.from(sourceText(path).matchAll(/[Ee]quations? \(?(\d+)\)?(?: and \((\d+)\))?/g)).flatMap(
      ([, a, b]) => (b === undefined ? [a!] : [a!, b]),
    ),
  );
  expect(defined).toEqual(defined.map((_, i) => `${i + 1}`));
  expect([...new Set(cited)].sort()).toEqual([...defined].sort());
});
