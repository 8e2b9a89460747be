// Writes schema.generated.ts from schema.fbs:  node src/import/tflite/generate.mjs
// Needs flatc 2.0.8 on the PATH (Debian: apt-get install flatbuffers-compiler).
//
// What flatc prints is changed: enums become const objects (types must be erasable), the two conversion
// functions of every union go (they need reverse enums), a union's accessor returns the table that it was given
// instead of `any`, and the accessors that nobody needs (size-prefixed roots, unaligned typed arrays) go.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "flatc-"));
try {
  execFileSync("flatc", ["--ts", "--ts-flat-files", "-o", scratch, join(here, "schema.fbs")]);
  const printed = readFileSync(join(scratch, "schema_generated.ts"), "utf8");
  writeFileSync(join(here, "schema.generated.ts"), erasable(printed));
} finally {
  rmSync(scratch, { recursive: true });
}

function erasable(text) {
  const header = "// Generated from schema.fbs by generate.mjs; do not edit.";
  return text
    .replace(/^\/\/ automatically generated.*$/m, header)
    .replace(/^export function union(List)?To[\s\S]*?^}\n/gm, "")
    .replace(/^export enum (\w+) ?\{([\s\S]*?)^}/gm, (_, name, body) => {
      return `export type ${name} = number;\nexport const ${name} = {${body.replaceAll(" = ", ": ")}} as const;`;
    })
    .replace(
      /<T extends flatbuffers\.Table>\(obj:any\):any\|null/g,
      "<T extends {bb:flatbuffers.ByteBuffer|null; bb_pos:number}>(obj:T):T|null",
    )
    .replace(
      /\.__union\(obj,(.*)\) : null;/g,
      ".__union(obj as flatbuffers.Table,$1) as unknown as T : null;",
    )
    .replace(/^static getSizePrefixed[\s\S]*?^}\n/gm, "")
    .replace(/^\w+Array\(\):(?!Uint8)[\s\S]*?^}\n/gm, "")
    .replace(/\n{3,}/g, "\n\n");
}
