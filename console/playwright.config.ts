// The console in Debian's Chromium, against a server of its own: `tests` holds it to what it promises, `measure` prints figures.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  projects: [{ name: "tests", testDir: "tests" }, { name: "measure", testDir: "measure", timeout: 900_000 }],
  outputDir: "../build/console-tests/results",
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: {
    viewport: { width: 1440, height: 900 },
    launchOptions: { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
  },
});
