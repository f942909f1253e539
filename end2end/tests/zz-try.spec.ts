import { test, expect, origin, signIn } from "../support/porthole.ts";
test("look", async ({ page }) => {
  const seen: string[] = [];
  page.on("console", (m) => { console.log("CONSOLE", m.type(), m.text()); });
  page.on("pageerror", (e) => console.log("PAGEERROR", String(e)));
  page.on("response", async (r) => { if (r.url().includes("/pkg/")) { seen.push(r.url().split("/pkg/")[1]!); console.log(r.status(), r.url().split("/pkg/")[1], r.headers()["content-encoding"], r.headers()["cache-control"], r.headers()["content-length"]); } });
  await signIn(page, "ana");
  console.log("--- overview", page.url());
  await page.waitForTimeout(1500);
  console.log("--- machines");
  await page.getByRole("link", { name: /^Machines/ }).first().click();
  await expect(page.getByRole("heading", { name: "Machines" })).toBeVisible();
  await page.waitForTimeout(1000);
  const link = page.locator("main a[href^='/machines/']:not([href$='/new'])").first();
  console.log("--- machine", await link.getAttribute("href"));
  await link.click();
  await expect(page).toHaveURL(/machines\/[^/]+\/[^/]+$/);
  await page.waitForTimeout(2000);
  console.log("--- new");
  await page.goto(origin() + "/machines/new");
  await page.waitForTimeout(2000);
  for (const path of ["/templates", "/images", "/images/upload", "/containers"]) {
    console.log("--- hard", path);
    await page.goto(origin() + path);
    await page.waitForTimeout(1500);
    console.log(await page.locator("link[rel=preload][as=fetch]").evaluateAll((l) => l.map((x) => (x as HTMLLinkElement).href.split("/pkg/")[1])));
  }
  console.log("--- lost part");
  await page.route("**/pkg/templates*", (r) => r.abort());
  await page.getByRole("link", { name: /^Templates/ }).first().click();
  await page.waitForTimeout(1500);
  console.log(await page.locator("main").innerText());
  await page.unroute("**/pkg/templates*");
  await page.getByRole("link", { name: /^Overview/ }).first().click();
  await page.waitForTimeout(500);
  await page.getByRole("link", { name: /^Templates/ }).first().click();
  await page.waitForTimeout(1500);
  console.log((await page.locator("main").innerText()).slice(0, 300));
});
