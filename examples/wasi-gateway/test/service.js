// The systemd unit as written: its commands with its environment and nothing else, its folders moved below one of the test's.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const UNIT = fileURLToPath(new URL("../dyadic-bridge.service", import.meta.url));
const HERE = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** What stands in the unit, by key; every key has the list of its values. */
function readUnit() {
  const unit = {};
  for (const line of readFileSync(UNIT, "utf8").split("\n")) {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key !== undefined) unit[key] = [...(unit[key] ?? []), value];
  }
  return unit;
}

/**
 * Starts the service: the state and the keys in `place`, this folder for /opt/dyadic-gateway, this Node, the broker at
 * `url`. Every replaced word must be in the unit.
 */
export function startService(place, url) {
  const unit = readUnit();
  const moved = [
    ["/opt/dyadic-gateway", HERE],
    ["/usr/bin/node", process.execPath],
    [`/var/lib/${unit.StateDirectory[0]}`, place],
    ["/etc/dyadic", place],
    ["mqtt://127.0.0.1:1883", url],
  ];
  const text = JSON.stringify(unit);
  for (const [word] of moved) {
    if (!text.includes(word)) throw new Error(`${UNIT}: no ${word} in it`);
  }
  const own = (value) => moved.reduce((result, [from, to]) => result.replaceAll(from, to), value);
  const pairs = unit.Environment.flatMap((line) => own(line).split(" ")).map((pair) =>
    pair.split(/=(.*)/, 2),
  );
  const env = Object.fromEntries(pairs);
  const options = { cwd: own(unit.WorkingDirectory[0]), env };
  const wordsOf = (line) => {
    return own(line.replace(/^-/, "").replace(/\$\{(\w+)\}/g, (_, name) => env[name])).split(" ");
  };
  for (const line of unit.ExecStartPre) {
    const [program, ...args] = wordsOf(line);
    execFileSync(program, args, options);
  }
  const [program, ...args] = wordsOf(unit.ExecStart[0]);
  return spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
}

/** Bytes that the unit allows the service. */
export function memoryMax() {
  const [, mebibytes] = /^(\d+)M$/.exec(readUnit().MemoryMax[0]);
  return Number(mebibytes) * 2 ** 20;
}

/** The most bytes that a process was ever resident with, from /proc; undefined on other systems. */
export function residentPeak({ pid }) {
  const [, kibibytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kibibytes) * 1024;
}
