// The screen with two tabs, with a plain noVNC, and when the machine stops.

import { expect, origin, signIn, test } from "../support/porthole.ts";

test("a plain websocket with the session's cookie speaks RFB", async ({ quietPage: page }) => {
  await signIn(page, "ana");
  const banner = await page.evaluate(() => new Promise<string>((done) => {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/console/blue/web-1/vnc`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event: MessageEvent<ArrayBuffer>) => { done(new TextDecoder().decode(event.data)); socket.close(); };
    socket.onclose = (event) => done(`closed ${event.code} ${event.reason}`);
  }));
  expect(banner).toBe("RFB 003.008\n");
});

test("a second tab is told that the screen is in use, takes it over, and the first one stays away", async ({ context, page }) => {
  await signIn(page, "ana");
  const path = `${origin()}/machines/blue/web-1/console`;
  const state = "data-console-state";
  await page.goto(path);
  const first = page.locator(`[${state}]`);
  await expect(first).toHaveAttribute(state, "connected", { timeout: 60_000 });

  const other = await context.newPage();
  await other.goto(path);
  const second = other.locator(`[${state}]`);
  await expect(second).toHaveAttribute(state, "in-use");
  await expect(first).toHaveAttribute(state, "connected");

  await other.getByRole("button", { name: /take over/i }).click();
  await expect(second).toHaveAttribute(state, "connected");
  await expect(first).toHaveAttribute(state, "taken");
  await expect(first.getByRole("button", { name: /take (over|back)/i })).toBeVisible();
  await expect(second).toHaveAttribute(state, "connected");
});

test("a screen pops out into a window of its own and goes full screen", async ({ context, quietPage: page }) => {
  await signIn(page, "ana");
  await page.goto(`${origin()}/machines/blue/web-1/console`);
  const state = "data-console-state";
  await expect(page.locator(`[${state}]`)).toHaveAttribute(state, "connected", { timeout: 60_000 });
  await page.getByRole("button", { name: "Full screen" }).click();
  await expect.poll(() => page.evaluate(() => document.fullscreenElement !== null)).toBe(true);
  await page.evaluate(() => document.exitFullscreen());

  const [own] = await Promise.all([context.waitForEvent("page"), page.getByRole("button", { name: "Pop out" }).click()]);
  await expect(own).toHaveURL(/\/machines\/blue\/web-1\/console$/);
  await expect(own.locator(`[${state}]`)).toHaveAttribute(state, /in-use|connected/, { timeout: 60_000 });
});
