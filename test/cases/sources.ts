import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Paths of the files that belong to the repository, below its root; new ones that are not ignored included. */
export function repositoryFiles(): string[] {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard"];
  const paths = execFileSync("git", list, { cwd: ROOT, encoding: "utf8" }).split("\n");
  return paths.filter((path) => path !== "" && existsSync(join(ROOT, path)));
}

export function sourceText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** TypeScript and AssemblyScript of the product, without what tools generated. */
export function productSources(): string[] {
  return repositoryFiles().filter(
    (path) => /^(src|assembly)\/.*\.ts$/.test(path) && !path.endsWith(".generated.ts"),
  );
}

/** What a file imports or re-exports: paths of the repository with their extension, packages by name. */
export function importsOf(path: string): string[] {
  const statements = sourceText(path).matchAll(
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/gm,
  );
  return Array.from(statements, ([, from, bare, dynamic]) => {
    const target = from ?? bare ?? dynamic!;
    if (!target.startsWith(".")) return target;
    const resolved = join(dirname(path), target);
    return /\.\w+$/.test(resolved) && existsSync(join(ROOT, resolved)) ? resolved : `${resolved}.ts`;
  });
}
