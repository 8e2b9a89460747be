import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { settingsByLayer } from "../../src/precision/layers.ts";
import {
  applyPolicy,
  effectivePolicy,
  formatPolicy,
  matchesGlob,
  type Policy,
  PRESETS,
  parsePolicy,
  presetPolicy,
} from "../../src/precision/policy.ts";
import { POLICY_SCHEMA, problemsOf } from "../../src/precision/schema.ts";
import { mobileNetV1 } from "../cases/networks.ts";

const graph = mobileNetV1(32, 0.25);
const rows = (policy: Policy) => applyPolicy(graph, policy);

describe("a policy", () => {
  it.each([
    ['{"version": 1}', undefined],
    ['{"version": 1, "defaults": {"weightBits": "ternary"}, "overrides": []}', undefined],
    ["{}", "version"],
    ["[]", "its start"],
    ['{"version": 2}', "version"],
    ['{"version": 1, "defaults": {"weightBits": 9}}', "defaults.weightBits"],
    ['{"version": 1, "defaults": {"weightBits": "8"}}', "defaults.weightBits"],
    ['{"version": 1, "defaults": {"layers": "a"}}', "defaults.layers"],
    ['{"version": 1, "overrides": {}}', "overrides"],
    ['{"version": 1, "overrides": [{}]}', "overrides[0]"],
    ['{"version": 1, "overrides": [{"op": "conv"}, {"layers": ""}]}', "overrides[1].layers"],
    ['{"version": 1, "overrides": [{"rounding": "down"}]}', "overrides[0].rounding"],
    ['{"version": 1, "constructor": 1}', "constructor"],
    ["{", "not JSON"],
  ])("%s is right or wrong at %s", (text, place) => {
    if (place === undefined) expect(parsePolicy(text)).toEqual(JSON.parse(text));
    else expect(() => parsePolicy(text)).toThrow(place);
  });

  it("sets every layer by its defaults, then by what fits, the last first", () => {
    const set = rows({
      version: 1,
      defaults: { weightBits: 4 },
      overrides: [
        { op: "depthwise", weightBits: 8 },
        { layers: "conv?", weightBits: 6, rounding: "learned" },
        { position: "first", weightBits: 7 },
        { op: "conv", position: "last", weightBits: 1 },
      ],
    });
    const bits = (name: string) => set.find((row) => row.name === name)!.settings.weightBits;
    expect(bits("conv0")).toBe(7);
    expect(bits("depthwise1")).toBe(8);
    expect(bits("conv2")).toBe(6);
    expect(bits("conv12")).toBe(4);
    expect(set.at(-1)).toMatchObject({
      op: "dense",
      settings: { weightBits: 4, rounding: "coordinate-descent" },
    });
  });

  it("refuses an override by name that fits no layer", () => {
    expect(() => rows({ version: 1, overrides: [{ layers: "block*" }] })).toThrow(/overrides\[0\].*fits no/);
  });

  it("keeps the first and the last layer of a preset at 8 bits", () => {
    const set = rows(presetPolicy("2")).map(({ settings }) => settings.weightBits);
    expect([set[0], set.at(-1)]).toEqual([8, 8]);
    expect(new Set(set.slice(1, -1))).toEqual(new Set([2]));
    expect(new Set(rows(presetPolicy("8")).map(({ settings }) => settings.weightBits))).toEqual(new Set([8]));
  });
});

test("the effective policy, written and read, is itself", () => {
  const policies: Policy[] = [
    ...PRESETS.map(presetPolicy),
    { version: 1, overrides: [{ op: "depthwise", rounding: "learned" }] },
  ];
  for (const policy of policies) {
    const effective = effectivePolicy(rows(policy), policy);
    expect(parsePolicy(formatPolicy(effective))).toEqual(effective);
    expect(rows(effective)).toEqual(rows(policy));
    expect(effectivePolicy(rows(effective), effective)).toEqual(effective);
  }
});

test("globs cover whole names", () => {
  expect(matchesGlob("block*/conv?", "block_1/a/conv2")).toBe(true);
  expect(matchesGlob("block*", "a_block")).toBe(false);
  expect(matchesGlob("a\\*b", "a*b")).toBe(true);
  expect(matchesGlob("a\\*b", "acb")).toBe(false);
  expect(matchesGlob("**", "")).toBe(true);
  expect(matchesGlob(`${"*a".repeat(200)}b`, "a".repeat(2000))).toBe(false);
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
  fc.assert(
    fc.property(letters, letters, (glob, name) => {
      const pattern = glob.replaceAll("?", ".").replace(/\*+/g, ".*");
      expect(matchesGlob(glob, name)).toBe(new RegExp(`^${pattern}$`).test(name));
    }),
  );
});

test("a policy in a file may name steps without weights, as a budget of RAM does", () => {
  const policy = effectivePolicy(rows({ version: 1 }), {}, new Map([["pool", 4]]));
  const layers = [...rows({ version: 1 }), { name: "pool", op: "averagePool" }];
  const settings = settingsByLayer(formatPolicy(policy), layers);
  expect([...settings.keys()]).toEqual(rows({ version: 1 }).map(({ name }) => name));
});

test("the published schema is what the validator reads, keyword for keyword", () => {
  const url = new URL("../../src/precision/policy.schema.json", import.meta.url);
  expect(JSON.parse(readFileSync(url, "utf8"))).toEqual(POLICY_SCHEMA);
  expect(problemsOf({ version: 1, overrides: [{ layers: 3 }] }, POLICY_SCHEMA)).toEqual([
    { path: "overrides[0].layers", expected: "string", found: "3" },
  ]);
});
