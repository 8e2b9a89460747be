// Generates the tiles, then compiles every target of asconfig.json into assembly/build, and writes the engines as text
// for dyadic/inline; with --copy, copies the released ones beside dist's JavaScript.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { main } from "assemblyscript/asc";
import { generateTiles } from "./kernels/generate-tiles.mjs";
import { packTexts } from "./pack-texts.mjs";

const ENTRIES = {
  "engine-threads": "assembly/threaded.ts",
  engine: "assembly/index.ts",
  calibrator: "assembly/float/index.ts",
  "dyadic-wasi": "assembly/wasi.ts",
  "dyadic-component": "assembly/component.ts",
  "test-threads": "assembly/threaded.ts",
  test: "assembly/test.ts",
};
const { targets } = JSON.parse(readFileSync("asconfig.json", "utf8"));

/** The entry file that an artefact is made of: by the first part of its name. */
function entryOf(outFile) {
  const name = outFile.split("/").at(-1);
  const key = Object.keys(ENTRIES).find((prefix) => name.startsWith(prefix));
  return ENTRIES[key];
}

/** A source for asc; null where asc is to look elsewhere. */
function readSource(name, base) {
  const path = join(base, name);
  if (!existsSync(path)) return null;
  const text = readFileSync(path, "utf8");
  return /(^|\/)wasi(\.ts$|\/)/.test(name) ? packTexts(text) : text;
}

const ENGINES = ["engine-relaxed", "engine", "engine-scalar"];
const moduleFile = (name) => `assembly/build/${name}.wasm`;

/** The engines in base64, as a source of the runtime. */
function writeEngines() {
  if (!ENGINES.every((name) => existsSync(moduleFile(name)))) return; // one target was built alone
  const rows = ENGINES.map((name) => `  "${name}": "${readFileSync(moduleFile(name)).toString("base64")}",\n`);
  writeFileSync("src/runtime/engines.generated.ts", `export const ENGINES = {\n${rows.join("")}};\n`);
}

/** What TypeScript is told of a .wasm file that a Worker imports. */
const MODULE_TYPES = "declare const module: WebAssembly.Module;\nexport default module;\n";

if (process.argv.includes("--copy")) {
  writeFileSync("dist/assembly/module.d.ts", MODULE_TYPES);
  chmodSync("dist/src/cli/main.js", 0o755); // `npx dyadic` runs it as a program; tsc writes plain files
  for (const { outFile } of Object.values(targets)) {
    if (/\/test-/.test(outFile)) continue;
    mkdirSync(dirname(`dist/${outFile}`), { recursive: true });
    copyFileSync(outFile, `dist/${outFile}`);
  }
} else {
  mkdirSync("assembly/build", { recursive: true });
  generateTiles();
  const wanted = process.argv.slice(2);
  for (const [target, { outFile }] of Object.entries(targets)) {
    if (wanted.length > 0 && !wanted.includes(target)) continue;
    const { error, stderr } = await main([entryOf(outFile), "--target", target], { readFile: readSource });
    if (error !== null) {
      console.error(`asc --target ${target}: ${error.message}\n${stderr}`);
      process.exit(1);
    }
  }
  writeEngines();
}
