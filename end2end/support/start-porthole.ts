// Starts `porthole serve --embedded --demo` from the release bundle on a free loopback port and a fresh data
// directory, and ends it with its guests when the run is over.

import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const PASSWORD = "a-password-for-tests-only";

export default async function startPorthole(): Promise<() => Promise<void>> {
  const target = process.env["CARGO_TARGET_DIR"] ?? resolve(import.meta.dirname, "../../target");
  const dataDir = mkdtempSync(join(tmpdir(), "porthole-e2e-"));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const log = join(dataDir, "porthole.log");
  const output = openSync(log, "w");
  const porthole = spawn(
    join(target, "release/porthole"),
    ["serve", "--embedded", "--demo", "--data-dir", dataDir, "--listen", `127.0.0.1:${port}`, "--guests-on-exit", "stop"],
    { env: { ...process.env, PORTHOLE_DEMO_PASSWORD: PASSWORD }, stdio: ["ignore", output, output] },
  );
  const ended = new Promise<void>((done) => porthole.once("exit", () => done()));

  const ready = await becomesReady(origin, () => porthole.exitCode);
  if (!ready) {
    porthole.kill("SIGTERM");
    throw new Error(`Porthole did not become ready:\n${readFileSync(log, "utf8")}`);
  }
  process.env["PORTHOLE_E2E_ORIGIN"] = origin;
  process.env["PORTHOLE_E2E_PASSWORD"] = PASSWORD;
  process.env["PORTHOLE_E2E_KUBECONFIG"] = join(dataDir, "kubeconfig");

  return async () => {
    porthole.kill("SIGTERM");
    await Promise.race([ended, pause(20_000)]);
    if (porthole.exitCode === null) porthole.kill("SIGKILL");
    rmSync(dataDir, { recursive: true, force: true });
  };
}

async function becomesReady(origin: string, exitCode: () => number | null): Promise<boolean> {
  for (let attempt = 0; attempt < 300 && exitCode() === null; attempt += 1) {
    const answer = await fetch(`${origin}/readyz`).catch(() => undefined);
    if (answer?.ok) return true;
    await pause(200);
  }
  return false;
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? found(address.port) : failed(new Error("no port"))));
    });
  });
}
