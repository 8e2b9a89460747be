// The package as users get it: packed, and installed from the tarball into a folder of its own.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const PACKAGE = fileURLToPath(new URL(".", import.meta.url));
export const ROOT = join(PACKAGE, "../..");
export const BUILD = join(PACKAGE, "build");
export const APPS = join(BUILD, "apps");
export const TARBALL = join(BUILD, "dyadic.tgz");
export const NODE_20 = join(ROOT, "test/hosts/node_modules/node20-linux-x64/bin/node");
export const DENO = join(ROOT, "test/hosts/node_modules/@deno/linux-x64-glibc/deno");
export const BUN = join(ROOT, "test/hosts/node_modules/@oven/bun-linux-x64/bin/bun");
export const WORKERD = join(ROOT, "test/hosts/node_modules/@cloudflare/workerd-linux-64/bin/workerd");

/** Runs a program; its output, or an error with all of it. */
export function execute(program: string, args: readonly string[], cwd: string = PACKAGE): string {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env; // with it, a `node --test` in there would run nothing
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    timeout: 300_000,
    env: { ...environment, NO_COLOR: "1", PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")}: ${error ?? `exit code ${status}`}\n${stdout}\n${stderr}`);
}

/** Packs the repository's build; the same tarball for every test of a run. */
export function pack(): void {
  rmSync(BUILD, { recursive: true, force: true });
  mkdirSync(APPS, { recursive: true });
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", BUILD];
  const output = execute("npm", args, ROOT);
  const name = /"filename": "([^"]+)"/.exec(output)?.[1];
  if (name === undefined) throw new Error(`npm pack: ${output}`);
  writeFileSync(TARBALL, readFileSync(join(BUILD, name)));
  rmSync(join(BUILD, name));
}

/** Installs the tarball where every app below APPS finds it. */
export function install(): void {
  pack();
  writeFileSync(join(APPS, "package.json"), `{ "private": true, "type": "module" }\n`);
  execute("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", TARBALL], APPS);
}

/** A copy of an example with the tarball for its dependency, installed as its README says. */
export function installed(example: string): string {
  if (!existsSync(TARBALL)) pack();
  const folder = `examples/${example}`;
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", folder];
  for (const file of execute("git", args, ROOT).trim().split("\n")) {
    cpSync(join(ROOT, file), join(BUILD, file));
  }
  const place = join(BUILD, folder);
  const path = join(place, "package.json");
  writeFileSync(path, readFileSync(path, "utf8").replace('"file:../.."', `"file:${TARBALL}"`));
  execute("npm", ["install", "--no-audit", "--no-fund"], place);
  return place;
}

/** Writes the files of an app and returns its folder. */
export function app(name: string, files: Readonly<Record<string, string>>): string {
  const place = join(APPS, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    writeFileSync(join(place, file), text);
  }
  return place;
}

export function isInstalled(program: string): boolean {
  return existsSync(program);
}
