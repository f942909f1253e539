// A machine that moves to the other node while it runs, from its menu over the choice of where to.

import { expect, origin, signIn, test } from "../support/porthole.ts";

test("a running machine moves, its page and the list of moves tell of it, and its screen is there again", async ({ page }) => {
  test.setTimeout(180_000);
  await signIn(page, "ana");
  await page.goto(`${origin()}/machines/blue/web-1`);
  const main = page.getByRole("main");
  await main.getByLabel("More actions").click();
  await main.getByRole("link", { name: "Move to another node…" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Move web-1" })).toBeVisible();
  await expect(main.getByRole("radio", { name: /Any node that suits/ })).toBeChecked();
  await expect(main.getByText("Your role does not include nodes, so the cluster chooses.")).toBeVisible();
  await main.getByRole("button", { name: "Move" }).click();

  await expect(page).toHaveURL(/\/machines\/blue\/web-1$/);
  const strip = main.locator("[data-move]");
  await expect(strip).toBeVisible({ timeout: 30_000 });
  await expect(strip).toHaveAttribute("data-move", "moved", { timeout: 120_000 });
  await expect(strip).toContainText(/node1 → node2|node2 → node1/);

  await strip.getByRole("link", { name: "All moves" }).click();
  const row = main.locator("tr[data-row]").filter({ hasText: "web-1" }).first();
  await expect(row).toHaveAttribute("data-stage", "moved");
  await expect(row).toContainText(/node1 → node2|node2 → node1/);

  await page.goto(`${origin()}/machines/blue/web-1/console`);
  await expect(page.locator("canvas")).toBeVisible({ timeout: 60_000 });
});

test("whoever lacks the role is told so where the move would begin", async ({ page }) => {
  await signIn(page, "bo");
  await page.goto(`${origin()}/machines/green/database`);
  const main = page.getByRole("main");
  await main.getByLabel("More actions").click();
  await expect(main.getByRole("button", { name: "Move to another node" })).toHaveAttribute("aria-disabled", "true");
});

test("whoever sees nodes reads which ones suit and why others do not", async ({ page }) => {
  await signIn(page, "admin");
  await page.goto(`${origin()}/machines/blue/web-1/move`);
  const main = page.getByRole("main");
  const here = main.getByRole("radio", { name: /The machine is on it/ });
  await expect(here).toBeDisabled();
  const there = main.getByRole("radio", { name: /CPU and .* free/ });
  await there.check();
  await expect(there).toBeChecked();
  await main.getByRole("link", { name: "Cancel" }).click();
  await expect(page).toHaveURL(/\/machines\/blue\/web-1$/);
});

test.describe("without script", () => {
  test.use({ javaScriptEnabled: false });

  test("the page of moves says what it is for and what the cluster allows", async ({ page }) => {
    await signIn(page, "ana");
    await page.goto(`${origin()}/migrations`);
    await expect(page.getByRole("heading", { level: 1, name: /Moves/ })).toBeVisible();
    await expect(page.getByText(/move at the same time/)).toBeVisible();
  });

  test("where a machine can move to is a form with what keeps it from which node", async ({ page }) => {
    await signIn(page, "admin");
    await page.goto(`${origin()}/machines/blue/web-1/move`);
    await expect(page.getByRole("radio", { name: /Any node that suits/ })).toBeChecked();
    await expect(page.getByRole("radio", { name: /The machine is on it/ })).toBeDisabled();
    await expect(page.getByRole("button", { name: "Move" })).toBeEnabled();
  });
});
