// Without any script: signing in, lists, filters and power actions are plain links and forms.

import { expect, origin, signIn, test } from "../support/porthole.ts";

test("a person without script signs in, filters, starts and stops a machine, and signs out", async ({ page }) => {
  await signIn(page, "bo");
  await page.goto(`${origin()}/machines?state=stopped`);
  const name = page.getByRole("main").getByRole("link", { name: "stage-1" });
  await expect(name).toBeVisible();
  await name.click();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("stage-1");
  await page.getByRole("button", { name: "Start", exact: true }).first().click();
  await expect(async () => {
    await page.goto(`${origin()}/machines/green/stage-1`);
    await expect(page.getByRole("main")).toContainText(/running/i, { timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
  await page.getByRole("button", { name: "Stop", exact: true }).first().click();
  await expect(async () => {
    await page.goto(`${origin()}/machines/green/stage-1`);
    await expect(page.getByRole("main")).toContainText(/stopped/i, { timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
  await page.getByRole("button", { name: /sign out/i }).click();
  await expect(page).toHaveURL(/sign-in/);
});

test("a wrong password says so and keeps the name", async ({ page }) => {
  await page.goto(`${origin()}/sign-in`);
  await page.getByLabel(/user ?name/i).fill("ana");
  await page.getByLabel(/^password/i).fill("wrong");
  await page.getByRole("button", { name: /sign in/i }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.getByLabel(/user ?name/i)).toHaveValue("ana");
});
