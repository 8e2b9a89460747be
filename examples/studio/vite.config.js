import { STYLE } from "dyadic/report";
import { defineConfig } from "vite";

/** The style of a report, for the parts of one that this page shows. */
const reportStyle = {
  name: "report-style",
  resolveId: (id) => (id === "virtual:report.css" ? "\0report.css" : undefined),
  load: (id) => (id === "\0report.css" ? STYLE : undefined),
};

export default defineConfig({
  base: "./",
  build: { target: "es2022" },
  worker: { format: "es" },
  plugins: [reportStyle],
  // For `npx vite`: found only when the worker starts, they would be bundled too late.
  optimizeDeps: { include: ["dyadic/compiler", "dyadic/report", "dyadic/samples"] },
  preview: {
    headers: { "content-security-policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'" },
  },
});
