import { defineConfig } from "@playwright/test";

// One Porthole for the whole run, started by the global set-up with the release bundle and real guests.
// Workers share it, and two cores run both the guests and the browser: one worker, generous limits.
export default defineConfig({
  testDir: "tests",
  globalSetup: "./support/start-porthole.ts",
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  retries: 0,
  reporter: [["list"]],
  use: {
    locale: "en-GB",
    timezoneId: "UTC",
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env["PORTHOLE_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "hydrated", testIgnore: /\.no-script\.spec\.ts$/ },
    { name: "no-script", testMatch: /\.no-script\.spec\.ts$/, use: { javaScriptEnabled: false } },
  ],
});
