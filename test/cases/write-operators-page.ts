import { mkdirSync, writeFileSync } from "node:fs";
import { operatorsPage } from "./operators-page.ts";

mkdirSync("docs", { recursive: true });
writeFileSync("docs/operators.md", operatorsPage());
