// Examples started as their READMEs say.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The commands of a README: its indented lines. */
export function commandsOf(place: string): string[] {
  return Array.from(
    readFileSync(join(place, "README.md"), "utf8").matchAll(/^ {4}(.+)$/gm),
    ([, line]) => line!,
  );
}

/**
 * Starts an example by the first command of its README, whose `npm install` is done; runs `action` with what its output
 * matches, and ends all that it started.
 */
export async function started(
  place: string,
  environment: Readonly<Record<string, string>>,
  ready: RegExp,
  action: (match: RegExpExecArray) => Promise<void>,
): Promise<void> {
  const [install, start] = commandsOf(place)[0]!.split(" && ");
  assert.deepEqual([install, start], ["npm install", "npm start"]);
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const env = { ...process.env, NO_COLOR: "1", PATH: path, ...environment };
  const child = spawn("npm", ["start"], {
    cwd: place,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    let text = "";
    const match = await new Promise<RegExpExecArray>((resolve, reject) => {
      const listen = (chunk: Buffer) => {
        text += chunk;
        const found = ready.exec(text);
        if (found !== null) resolve(found);
      };
      child.stdout.on("data", listen);
      child.stderr.on("data", listen);
      child.on("exit", (code: number | null) => reject(new Error(`npm start ended with ${code}: ${text}`)));
      setTimeout(() => reject(new Error(`npm start never said ${ready}: ${text}`)), 60_000).unref();
    });
    await action(match);
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid!);
    await ended;
  }
}
