// Builds guided.ts with a counter in every branch of the product's code, the scalar engine turned into JavaScript
// included, and runs it. Jazzer.js would do the same, but its addon (4.0.0) wants a newer glibc than Debian 12 has.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "acorn";
import { ancestor } from "acorn-walk";
import { build, transform } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const output = `${root}dist/test/guided.mjs`;
const engine = `${root}dist/test/engine-scalar.js.mjs`;
let branches = 0;

/** Puts a call in front of whatever a branch may lead to. */
function instrument(code) {
  const insertions = [];
  const enter = () => `__branch(${branches++});`;
  const statement = (node) => {
    if (node.type === "BlockStatement") insertions.push([node.start + 1, enter()]);
    else insertions.push([node.start, `{${enter()}`], [node.end, "}"]);
  };
  const expression = (node) => {
    insertions.push([node.start, `(__branch(${branches++}),`], [node.end, ")"]);
  };
  ancestor(parse(code, { ecmaVersion: "latest", sourceType: "module" }), {
    Function(node) {
      if (node.body.type === "BlockStatement") statement(node.body);
      else expression(node.body);
    },
    IfStatement(node) {
      statement(node.consequent);
      if (node.alternate) statement(node.alternate);
    },
    Loop(node) {
      statement(node.body);
    },
    SwitchCase(node) {
      if (node.consequent.length > 0) insertions.push([node.consequent[0].start, enter()]);
    },
    ConditionalExpression(node) {
      expression(node.consequent);
      expression(node.alternate);
    },
    LogicalExpression(node) {
      expression(node.right);
    },
    CatchClause(node) {
      statement(node.body);
    },
  });
  return applied(code, insertions);
}

/** The text with all insertions. At one place, what ends there comes first, of ends the last noted (the inner one). */
function applied(code, insertions) {
  const isEnd = (text) => text === ")" || text === "}";
  const sorted = insertions
    .map(([at, text], order) => ({ at, text, order }))
    .sort((a, b) => {
      if (a.at !== b.at) return a.at - b.at;
      if (isEnd(a.text) !== isEnd(b.text)) return isEnd(a.text) ? -1 : 1;
      return isEnd(a.text) ? a.order - b.order : b.order - a.order;
    });
  let [result, from] = ["", 0];
  for (const { at, text } of sorted) {
    result += code.slice(from, at) + text;
    from = at;
  }
  return result + code.slice(from);
}

const counted = {
  name: "counted",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$|engine-scalar\.js\.mjs$/ }, async ({ path }) => {
      const text = readFileSync(path, "utf8");
      const { code } = path.endsWith(".ts")
        ? await transform(text, { loader: "ts", target: "es2023" })
        : { code: text };
      return { contents: instrument(code), loader: "js" };
    });
  },
};

mkdirSync(`${root}dist/test`, { recursive: true });
const wasm2js = `${root}node_modules/.bin/wasm2js`;
execFileSync(wasm2js, [`${root}assembly/build/engine-scalar.wasm`, "--enable-bulk-memory", "-o", engine]);
await build({
  entryPoints: [`${root}test/fuzz/guided.ts`],
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  packages: "external",
  outfile: output,
  logLevel: "warning",
  alias: { "engine-in-javascript": engine },
  banner: {
    js: "const __map = new Uint8Array(65536); let __last = 0; const __branch = (id) => { __map[(id ^ __last) & 65535]++; __last = (id << 1) & 65535; }; globalThis.__coverage = { map: __map, restart: () => { __map.fill(0); __last = 0; } };",
  },
  plugins: [counted],
});
rmSync(engine);
const heap = "--max-old-space-size=1024";
const { status } = spawnSync(
  process.execPath,
  [heap, output, `--branches=${branches}`, ...process.argv.slice(2)],
  {
    stdio: "inherit",
  },
);
process.exitCode = status ?? 1;
