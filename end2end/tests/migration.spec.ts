// A machine that moves to the other node while it runs, from its menu.

import { expect, origin, signIn, test } from "../support/porthole.ts";

test("a running machine moves, its move is listed, and its screen is there again", async ({ page }) => {
  test.setTimeout(180_000);
  await signIn(page, "ana");
  await page.goto(`${origin()}/machines/blue/web-1`);
  const main = page.getByRole("main");
  await main.getByRole("button", { name: "More actions" }).click();
  await main.getByRole("button", { name: "Move to another node" }).click();

  await page.goto(`${origin()}/migrations`);
  const row = main.locator("tr[data-row]").filter({ hasText: "web-1" }).first();
  await expect(row).toHaveAttribute("data-stage", "moved", { timeout: 120_000 });
  await expect(row).toContainText(/node1 → node2|node2 → node1/);

  await page.goto(`${origin()}/machines/blue/web-1/console`);
  await expect(page.locator("canvas")).toBeVisible({ timeout: 60_000 });
});

test("whoever lacks the role is told so where the move would begin", async ({ page }) => {
  await signIn(page, "bo");
  await page.goto(`${origin()}/machines/green/database`);
  const main = page.getByRole("main");
  await main.getByRole("button", { name: "More actions" }).click();
  await expect(main.getByRole("button", { name: "Move to another node" })).toHaveAttribute("aria-disabled", "true");
});

test.describe("without script", () => {
  test.use({ javaScriptEnabled: false });

  test("the page of moves says what it is for and what the cluster allows", async ({ page }) => {
    await signIn(page, "ana");
    await page.goto(`${origin()}/migrations`);
    await expect(page.getByRole("heading", { level: 1, name: /Moves/ })).toBeVisible();
    await expect(page.getByText(/move at the same time/)).toBeVisible();
  });
});
