// A porthole of the release bundle with the embedded cluster: started, ended, killed and started again.

import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export const PASSWORD = "a-password-for-tests-only";

export class Porthole {
  readonly origin: string;
  readonly kubeconfig: string;
  readonly #log: string;
  #process: ChildProcess | undefined;

  private constructor(readonly dataDir: string, readonly port: number) {
    this.origin = `http://127.0.0.1:${port}`;
    this.kubeconfig = join(dataDir, "kubeconfig");
    this.#log = join(dataDir, "porthole.log");
  }

  /** On a free loopback port and a fresh data directory, ready to be used. */
  static async start(): Promise<Porthole> {
    const porthole = new Porthole(mkdtempSync(join(tmpdir(), "porthole-e2e-")), await freePort());
    await porthole.startAgain();
    return porthole;
  }

  /** The same address and the same data. */
  async startAgain(): Promise<void> {
    const target = process.env["CARGO_TARGET_DIR"] ?? resolve(import.meta.dirname, "../../target");
    const output = openSync(this.#log, "a");
    this.#process = spawn(
      join(target, "release/porthole"),
      ["serve", "--embedded", "--demo", "--data-dir", this.dataDir, "--listen", `127.0.0.1:${this.port}`, "--guests-on-exit", "stop"],
      { env: { ...process.env, PORTHOLE_DEMO_PASSWORD: PASSWORD }, stdio: ["ignore", output, output] },
    );
    if (await this.#becomesReady()) return;
    this.#process.kill("SIGTERM");
    throw new Error(`Porthole did not become ready:\n${readFileSync(this.#log, "utf8")}`);
  }

  /** As a crash would end it. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it with its guests and forgets its data. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise<void>((done) => running.once("exit", () => done()));
    running.kill(signal);
    await Promise.race([ended, pause(20_000)]);
    if (running.exitCode === null && running.signalCode === null) running.kill("SIGKILL");
  }

  async #becomesReady(): Promise<boolean> {
    for (let attempt = 0; attempt < 300 && this.#process?.exitCode === null; attempt += 1) {
      const answer = await fetch(`${this.origin}/readyz`).catch(() => undefined);
      if (answer?.ok) return true;
      await pause(200);
    }
    return false;
  }
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
