// What the page says of its own freshness while Porthole is away and afterwards.

import { expect, test } from "../support/porthole.ts";
import { PASSWORD, Porthole } from "../support/process.ts";

const mark = (text: RegExp) => ({ hasText: text });

test("a restart of Porthole is told, keeps what is shown, and ends by itself", async ({ page }) => {
  test.setTimeout(180_000);
  const porthole = await Porthole.start();
  try {
    await page.goto(`${porthole.origin}/sign-in`);
    await page.getByLabel(/user ?name/i).fill("ana");
    await page.getByLabel(/^password/i).fill(PASSWORD);
    await page.getByRole("button", { name: /sign in/i }).click();
    await page.goto(`${porthole.origin}/machines`);
    const status = page.getByRole("status");
    await expect(status.filter(mark(/^live$/)).first()).toBeVisible();

    await porthole.kill();
    await expect(status.filter(mark(/reconnecting/)).first()).toBeVisible({ timeout: 30_000 });
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();

    await porthole.startAgain();
    await expect(status.filter(mark(/^live$/)).first()).toBeVisible({ timeout: 60_000 });
    await expect(page.getByRole("link", { name: "web-1" })).toBeVisible();
    await expect(page).toHaveURL(/machines/);
  } finally {
    await porthole.stop();
  }
});
