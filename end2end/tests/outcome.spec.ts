// The outcome that Porthole exists for: from signing in to an answer on a real machine's screen.

import type { Locator, Page } from "@playwright/test";
import { ask, serialLog } from "../support/cluster.ts";
import { expect, origin, signIn, test } from "../support/porthole.ts";

/** Bright pixels on the canvas: text on a black screen. */
const litPixels = (canvas: Locator): Promise<number> =>
  canvas.evaluate((element: HTMLCanvasElement) => {
    const context = element.getContext("2d");
    if (!context || element.width === 0) return 0;
    const { data } = context.getImageData(0, 0, element.width, element.height);
    let lit = 0;
    for (let at = 0; at < data.length; at += 4) if ((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0) > 300) lit += 1;
    return lit;
  });

/** Keys of a US keyboard that need Shift: a guest sees keys, and Playwright's own typing leaves Shift out. */
const SHIFTED: Record<string, string> = { $: "Digit4", "(": "Digit9", ")": "Digit0", "+": "Equal", "|": "Backslash" };

async function typeOnKeyboard(page: Page, text: string): Promise<void> {
  for (const character of text) {
    const code = SHIFTED[character] ?? (/[A-Z]/.test(character) ? `Key${character}` : undefined);
    const plain = character === "\n" ? "Enter" : character === " " ? "Space" : character;
    await page.keyboard.press(code ? `Shift+${code}` : plain, { delay: 30 });
  }
}

test("ana starts a machine that is off, watches it boot, types a command and reads the answer", async ({ quietPage: page }) => {
  test.setTimeout(300_000);
  await signIn(page, "ana");

  await page.goto(`${origin()}/machines`);
  await expect(page.getByRole("link", { name: "build-box" })).toBeVisible();
  await page.goto(`${origin()}/containers`);
  await expect(page.getByRole("link", { name: "report-worker" })).toBeVisible();

  await page.goto(`${origin()}/machines/blue/build-box/console`);
  const stage = page.locator("[data-console-state]");
  await expect(stage).toHaveAttribute("data-console-state", "waiting");
  await page.getByRole("button", { name: "Start", exact: true }).first().click();
  await expect(stage).toHaveAttribute("data-console-state", "connected", { timeout: 90_000 });

  const canvas = stage.locator("canvas");
  await expect(canvas).toBeVisible();
  await expect.poll(() => serialLog("blue", "build-box"), { timeout: 180_000 }).toContain("Enter 'help'");

  const before = await litPixels(canvas);
  await canvas.click();
  // The sum is only in the answer, never in what was typed; the copy to ttyS0 is the guest's serial line.
  await typeOnKeyboard(page, "echo answer-$((40+2)) | tee /dev/ttyS0\n");
  await expect.poll(() => serialLog("blue", "build-box"), { timeout: 60_000 }).toContain("answer-42");
  await expect.poll(() => litPixels(canvas), { timeout: 30_000 }).toBeGreaterThan(before + 200);
});

test("a change made with kubectl is on the open page within a second", async ({ quietPage: page }) => {
  await signIn(page, "ana");
  await page.goto(`${origin()}/machines`);
  await expect(page.getByText("live", { exact: true }).first()).toBeVisible();
  const machine = {
    apiVersion: "kubevirt.io/v1",
    kind: "VirtualMachine",
    metadata: { name: "from-kubectl", namespace: "blue" },
    spec: {
      runStrategy: "Halted",
      template: { spec: { domain: { devices: {}, memory: { guest: "128Mi" } } } },
    },
  };
  const path = "/apis/kubevirt.io/v1/namespaces/blue/virtualmachines";
  expect((await ask("POST", path, machine)).status).toBe(201);
  await expect(page.getByRole("link", { name: "from-kubectl" })).toBeVisible({ timeout: 1_000 });
  expect((await ask("DELETE", `${path}/from-kubectl`)).status).toBe(200);
  await expect(page.getByRole("link", { name: "from-kubectl" })).toBeHidden({ timeout: 2_000 });
});
