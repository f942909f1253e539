// From an installation disc on a laptop to a machine that boots it, for somebody who has never seen YAML.

import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";
import { ask } from "../support/cluster.ts";
import { expect, origin, signIn, test } from "../support/porthole.ts";
import { PASSWORD, Porthole } from "../support/process.ts";

const ISO = process.env["PORTHOLE_TEST_ISO"]
  ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "porthole/isos/memtest86+x64.iso");

/** A picture's colours as one number: it changes when the guest draws. */
const colours = (canvas: Locator): Promise<number> =>
  canvas.evaluate((element: HTMLCanvasElement) => {
    const context = element.getContext("2d");
    if (!context || element.width === 0) return 0;
    const { data } = context.getImageData(0, 0, element.width, element.height);
    let blue = 0;
    for (let at = 0; at < data.length; at += 4) if ((data[at + 2] ?? 0) > 100 && (data[at] ?? 0) < 100) blue += 1;
    return blue;
  });

async function upload(page: Page, at: string, file: string, name: string): Promise<void> {
  await page.goto(`${at}/images/upload`);
  await expect(page.getByRole("status").filter({ hasText: /^live$/ }).first()).toBeVisible();
  await page.locator("[data-choose]").setInputFiles(file);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
}

test("ana uploads an installation disc, makes a machine of it, takes the disc out, and copies the disk three times", async ({ page }) => {
  test.skip(!existsSync(ISO), `there is no ${ISO}`);
  test.setTimeout(500_000);
  await signIn(page, "ana");
  await upload(page, origin(), ISO, "memtest");
  const tray = page.getByRole("complementary", { name: "Uploads" });
  await expect(tray).toContainText(/ready to use|ended/, { timeout: 90_000 });

  await page.goto(`${origin()}/machines/new?image=blue/memtest`);
  await expect(page.getByRole("status").filter({ hasText: /^live$/ }).first()).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("tester");
  await page.getByLabel("Disk", { exact: true }).fill("1 GiB");
  await page.getByRole("button", { name: "Create machine" }).click();
  await expect(page).toHaveURL(/\/machines\/blue\/tester$/, { timeout: 30_000 });

  await page.goto(`${origin()}/machines/blue/tester/console`);
  const stage = page.locator("[data-console-state]");
  await expect(stage).toHaveAttribute("data-console-state", /waiting|connected/);
  const start = page.getByRole("button", { name: "Start", exact: true }).first();
  if (await start.isVisible()) await start.click();
  await expect(stage).toHaveAttribute("data-console-state", "connected", { timeout: 120_000 });
  // memtest86+ paints its screen blue.
  await expect.poll(() => colours(stage.locator("canvas")), { timeout: 120_000 }).toBeGreaterThan(10_000);

  await page.goto(`${origin()}/machines/blue/tester`);
  await page.getByRole("button", { name: /^Eject/ }).click();
  const instance = async (): Promise<string> =>
    (await ask("GET", "/apis/kubevirt.io/v1/namespaces/blue/virtualmachineinstances/tester")).body;
  await expect.poll(async () => JSON.stringify((JSON.parse(await instance()) as { spec: { volumes: unknown } }).spec.volumes), { timeout: 60_000 })
    .not.toContain("memtest");
  expect(JSON.parse(await instance())).toMatchObject({ status: { phase: "Running" } });

  // An image of the machine as it is, while it runs.
  await page.getByLabel("More actions").click();
  await page.getByRole("link", { name: "Make an image of it" }).click();
  await expect(page.getByRole("status").filter({ hasText: /^live$/ }).first()).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("as-it-runs");
  await page.getByRole("button", { name: /^(Import|Copy)$/ }).click();
  await expect(page.getByText("runs on it, so a copy would be torn")).toBeVisible();
  await page.getByLabel("Take it from a snapshot while the machine runs").check();
  await page.getByRole("button", { name: /^(Import|Copy)$/ }).click();
  await expect(page).toHaveURL(/\/images\/blue\/as-it-runs$/, { timeout: 60_000 });
  await expect(page.getByRole("link", { name: "New machine" })).toBeVisible({ timeout: 120_000 });
  expect(JSON.parse(await instance())).toMatchObject({ status: { phase: "Running" } });
  const snapshots = async (): Promise<unknown[]> =>
    (JSON.parse((await ask("GET", "/apis/snapshot.kubevirt.io/v1beta1/namespaces/blue/virtualmachinesnapshots")).body) as { items: unknown[] }).items;
  await expect.poll(async () => (await snapshots()).length, { timeout: 30_000 }).toBe(0);
  await page.goto(`${origin()}/machines/blue/tester`);

  // The test of memory hears no button; nobody waits three minutes for it here.
  await ask("PUT", "/apis/subresources.kubevirt.io/v1/namespaces/blue/virtualmachines/tester/stop", { gracePeriod: 0 });
  await expect(page.getByRole("button", { name: "Start", exact: true }).first()).toBeVisible({ timeout: 60_000 });
  await page.getByLabel("More actions").click();
  await page.getByRole("link", { name: "Make an image of it" }).click();
  await expect(page).toHaveURL(/\/images\/import\?source=blue\/tester-disk$/);
  await expect(page.getByRole("status").filter({ hasText: /^live$/ }).first()).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("golden");
  await page.getByRole("button", { name: /^(Import|Copy)$/ }).click();
  await expect(page).toHaveURL(/\/images\/blue\/golden$/, { timeout: 30_000 });
  await page.getByRole("link", { name: "New machine" }).click({ timeout: 120_000 });

  await page.getByLabel("Name", { exact: true }).fill("copy");
  await page.getByLabel("How many", { exact: true }).fill("3");
  await page.getByLabel("When it runs").selectOption({ label: "Stay off until somebody starts it" });
  await page.getByRole("button", { name: "Create 3 machines" }).click();
  await expect(page).toHaveURL(/\/machines\?/, { timeout: 30_000 });
  for (const copy of ["copy-1", "copy-2", "copy-3"]) {
    await expect(page.getByRole("link", { name: copy, exact: true })).toBeVisible();
    await expect.poll(async () => (await ask("GET", `/api/v1/namespaces/blue/persistentvolumeclaims/${copy}-disk`)).body, { timeout: 60_000 })
      .toContain('"phase":"Bound"');
  }
});

test("an upload goes on after the tab was closed and after Porthole was killed, and not a byte differs", async ({ page }) => {
  test.setTimeout(300_000);
  const folder = mkdtempSync(join(tmpdir(), "porthole-upload-"));
  const file = join(folder, "disk.raw");
  const content = randomBytes(48 << 20);
  writeFileSync(file, content);
  const porthole = await Porthole.start();
  try {
    const kubeconfig = process.env["PORTHOLE_E2E_KUBECONFIG"];
    await page.goto(`${porthole.origin}/sign-in`);
    await page.getByLabel(/user ?name/i).fill("ana");
    await page.getByLabel(/^password/i).fill(PASSWORD);
    await page.getByRole("button", { name: /sign in/i }).click();
    await expect(page).not.toHaveURL(/sign-in/);

    const network = await page.context().newCDPSession(page);
    await network.send("Network.enable");
    await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 2 << 20 });
    await upload(page, porthole.origin, file, "big");
    const tray = page.getByRole("complementary", { name: "Uploads" });
    await expect(tray).toContainText(/1\d %|2\d %/, { timeout: 60_000 });

    await page.goto(`${porthole.origin}/machines`);
    await page.reload();
    await expect(tray).toContainText(/waiting for the file/, { timeout: 30_000 });
    await tray.locator("input[type=file]").setInputFiles(file);
    await expect(tray).toContainText(/[3-6]\d %/, { timeout: 60_000 });

    await porthole.kill();
    await porthole.startAgain();
    await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
    await expect(tray).toContainText(/ready to use|ended/, { timeout: 120_000 });

    process.env["PORTHOLE_E2E_KUBECONFIG"] = porthole.kubeconfig;
    const claim = await ask("GET", "/api/v1/namespaces/blue/persistentvolumeclaims/big");
    process.env["PORTHOLE_E2E_KUBECONFIG"] = kubeconfig;
    const { metadata, spec } = JSON.parse(claim.body) as { metadata: { uid: string }; spec: { volumeMode: string } };
    const disk = join(porthole.dataDir, "cluster/claims", metadata.uid, spec.volumeMode === "Block" ? "block.img" : "disk.img");
    const sum = createHash("sha256");
    for await (const part of createReadStream(disk, { end: content.length - 1 })) sum.update(part as Buffer);
    expect(sum.digest("hex")).toBe(createHash("sha256").update(content).digest("hex"));
  } finally {
    await porthole.stop();
  }
});
