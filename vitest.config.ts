import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/{unit,model,structure}/**/*.test.ts"],
    testTimeout: 120_000,
  },
});
