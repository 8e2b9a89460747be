// node make.js: dyadic-component.wasm of the package, with its interface embedded, as a component: dyadic.component.wasm.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { componentEmbed, componentNew } from "@bytecodealliance/jco";

const core = readFileSync(fileURLToPath(import.meta.resolve("dyadic/dyadic-component.wasm")));
const witSource = readFileSync(new URL("classifier.wit", import.meta.url), "utf8");
const embedded = await componentEmbed({ binary: core, witSource, worldName: "classifier" });
writeFileSync(new URL("dyadic.component.wasm", import.meta.url), await componentNew(embedded, []));
