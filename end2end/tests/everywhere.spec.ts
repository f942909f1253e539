// What is the same on every page: parts that come when they are needed, the palette, the other button of the mouse.

import type { Page } from "@playwright/test";

import { expect, origin, signIn, test } from "../support/porthole.ts";

/** The names, without fingerprint, of the WASM files that a page asked for. */
function watchParts(page: Page): { names: () => string[] } {
  const urls: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith(".wasm")) urls.push(request.url());
  });
  return { names: () => urls.map((url) => url.split("/pkg/")[1]?.split(".")[0] ?? url) };
}

async function isTakenOver(page: Page): Promise<void> {
  await expect(page.getByText("live", { exact: true })).toBeVisible();
}

test("a page of the first load fetches no part, and a form is fetched when it is asked for", async ({ quietPage: page }) => {
  const parts = watchParts(page);
  await signIn(page, "ana");
  await page.goto(`${origin()}/machines`);
  await isTakenOver(page);
  expect(new Set(parts.names())).toEqual(new Set(["porthole"]));
  await page.getByRole("link", { name: "New machine" }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: "New machine" })).toBeVisible();
  expect(parts.names()).toContain("create");
});

test("the document names the files of its page's part, and all are kept for ever", async ({ quietPage: page }) => {
  await signIn(page, "ana");
  const answers: Record<string, string> = {};
  page.on("response", (response) => {
    if (response.url().endsWith(".wasm")) answers[response.url()] = response.headers()["cache-control"] ?? "";
  });
  await page.goto(`${origin()}/images`);
  const named = await page.locator("link[rel=preload][as=fetch]").evaluateAll((links) => links.map((link) => (link as HTMLLinkElement).href));
  await isTakenOver(page);
  expect(named.some((url) => /\/images\.[0-9a-f]{16}\.wasm$/.test(url))).toBe(true);
  expect(new Set(Object.keys(answers))).toEqual(new Set(named));
  expect(new Set(Object.values(answers))).toEqual(new Set(["public, max-age=31536000, immutable"]));
});

test.describe("a part that does not come", () => {
  test.use({ expectedComplaints: [/ERR_FAILED/] });

  test("is told with a way out, and is fetched again the next time", async ({ quietPage: page }) => {
    await signIn(page, "ana");
    await page.goto(`${origin()}/machines`);
    await isTakenOver(page);
    await page.route("**/pkg/templates.*", (route) => route.abort());
    const templates = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Templates" });
    await templates.click();
    await expect(page.getByText("This page could not be loaded")).toBeVisible();
    await expect(page.getByRole("link", { name: "Load the page anew" })).toHaveAttribute("href", "/templates");
    await page.unroute("**/pkg/templates.*");
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Machines" }).click();
    await templates.click();
    await expect(page.getByRole("heading", { level: 1, name: "Templates" })).toBeVisible();
  });
});

test("the palette goes to pages, finds by name and acts, by keyboard alone", async ({ quietPage: page }) => {
  const parts = watchParts(page);
  await signIn(page, "ana");
  await isTakenOver(page);
  expect(parts.names()).not.toContain("palette");
  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox", { name: "A page, a name or an action" });
  await expect(field).toBeFocused();

  await field.fill("templ");
  await expect(page.getByRole("option").first()).toContainText("Templates");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/templates$/);

  await page.keyboard.press("Control+k");
  await expect(page.getByRole("option").first(), "what was chosen last comes first").toContainText("Templates");
  await field.fill("web-1");
  const machine = page.getByRole("option").filter({ hasText: "Machine in blue" });
  await expect(machine).toBeVisible();
  while ((await machine.getAttribute("aria-selected")) !== "true") await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/machines\/blue\/web-1$/);

  await page.keyboard.press("Control+k");
  await expect(page.getByRole("option").filter({ hasText: "Open the screen of web-1" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(field).toBeHidden();
});

test("nobody finds what another team owns", async ({ quietPage: page }) => {
  await signIn(page, "bo");
  await isTakenOver(page);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("web-1");
  await expect(page.getByText("Nothing fits.")).toBeVisible();
});

test("the other button of the mouse opens the menu of the row", async ({ quietPage: page }) => {
  await signIn(page, "ana");
  await page.goto(`${origin()}/machines`);
  await isTakenOver(page);
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "web-1", exact: true }) });
  await row.click({ button: "right", position: { x: 10, y: 10 } });
  await expect(row.getByRole("button", { name: /^Restart/ })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(row.getByRole("button", { name: /^Restart/ })).toBeHidden();
});
