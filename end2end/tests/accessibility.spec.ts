// Every page: a title, one heading of the first level, no violation that axe can find, no complaint in the console.

import AxeBuilder from "@axe-core/playwright";
import { expect, origin, signIn, test } from "../support/porthole.ts";

const PAGES = [
  "/", "/machines", "/migrations", "/workloads", "/services", "/containers", "/containers/new",
  "/machines/blue/web-1", "/machines/blue/web-1?ask=related", "/machines/blue/web-1?tab=metrics", "/machines/blue/web-1?tab=timeline",
  "/machines/blue/web-1?tab=yaml", "/machines/blue/web-1/move", "/machines/blue/web-1/console", "/machines/blue/web-1/console?view=serial", "/machines/new",
  "/templates", "/templates/new?machine=blue/web-1", "/images", "/images/upload", "/images/import",
];

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test(`pages can be read by everybody (${colorScheme})`, async ({ quietPage: page }) => {
      await page.goto(`${origin()}/sign-in`);
      await reads(page, "/sign-in");
      await signIn(page, "ana");
      for (const path of PAGES) {
        await page.goto(origin() + path);
        await reads(page, path);
      }
      await page.goto(`${origin()}/containers`);
      await page.getByRole("main").getByRole("link", { name: "queue" }).click();
      await expect(page).toHaveURL(/\/pods\/blue\//);
      await reads(page, page.url());

      await page.context().clearCookies();
      await signIn(page, "admin");
      await page.goto(`${origin()}/doctor`);
      await expect(page.getByRole("main").getByText(/answers|KubeVirt/).first()).toBeVisible();
      await reads(page, "/doctor");
      await page.goto(`${origin()}/nodes`);
      await reads(page, "/nodes");
      await page.getByRole("main").getByRole("link", { name: "node1" }).click();
      await expect(page).toHaveURL(/\/nodes\/node1/);
      await reads(page, "/nodes/node1");
    });
  });
}

async function reads(page: import("@playwright/test").Page, path: string): Promise<void> {
  await expect(page.locator("h1"), path).toHaveCount(1);
  await expect(page, path).toHaveTitle(/Porthole/);
  const result = await new AxeBuilder({ page }).analyze();
  expect(result.violations.map((violation) => `${path}: ${violation.id} ${violation.nodes[0]?.html}`)).toEqual([]);
}
