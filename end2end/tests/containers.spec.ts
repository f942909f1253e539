// Containers as equals of machines: an image is run, read, entered, changed and taken away; a machine's serial line.

import { expect, origin, signIn, test } from "../support/porthole.ts";

test("an image is run from the form, followed, entered, scaled and deleted", async ({ quietPage: page }) => {
  await signIn(page, "ana");
  await page.goto(`${origin()}/containers/new`);
  await page.getByLabel("Name", { exact: true }).fill("Bench 1");
  await page.getByLabel("Image", { exact: true }).fill("porthole.local/tools");
  await expect(page.getByText("Try bench-1.")).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("bench");
  await page.getByLabel("Command", { exact: true }).fill("sh -c 'i=0; while true; do i=$((i+1)); echo line $i; sleep 0.2; done'");
  await page.getByLabel("Port", { exact: true }).fill("8080");
  await page.getByLabel(/Publish the port/).check();
  await expect(page.locator("[data-manifest]")).toContainText("kind: Service");
  await page.getByRole("button", { name: "Check with the cluster" }).click();
  await expect(page.getByText("The cluster would take it.")).toBeVisible();
  await page.getByRole("button", { name: "Run it" }).click();
  await expect(page).toHaveURL(/\/workloads\/deployments\/blue\/bench$/);
  await expect(page.getByText("Its pod is ready.")).toBeVisible({ timeout: 60_000 });

  const log = page.getByRole("log");
  await expect(log).toContainText("line 1");
  await page.getByRole("searchbox", { name: "Find in the log" }).fill("line 2");
  await expect(log.locator("mark").first()).toHaveText("line 2");

  await page.getByRole("spinbutton", { name: "Pods" }).fill("2");
  await page.getByRole("button", { name: "Scale" }).click();
  await expect(page.getByText("All 2 pods are ready.")).toBeVisible({ timeout: 60_000 });

  await page.getByRole("main").getByRole("link", { name: /^bench-/ }).first().click();
  await page.getByRole("link", { name: "Shell" }).click();
  const terminal = page.locator(".xterm-rows");
  await expect(page.locator(".xterm-helper-textarea")).toBeFocused({ timeout: 30_000 });
  await page.keyboard.type("echo $((6*7))-seen\n");
  await expect(terminal).toContainText("42-seen");
  await page.keyboard.type("exit 3\n");
  await expect(page.getByRole("alert")).toContainText("The shell ended with exit code 3.");
  await page.getByRole("button", { name: "Open another one" }).click();
  await page.getByRole("button", { name: "New shell" }).click();
  await expect(page.getByRole("group", { name: "Shells" }).getByRole("button", { name: /^Close / })).toHaveCount(2);

  await page.goto(`${origin()}/workloads/deployments/blue/bench`);
  await page.getByRole("button", { name: "Delete…" }).click();
  await expect(page.getByText("The service bench stays, and then leads nowhere.")).toBeVisible();
  await page.getByRole("button", { name: "Delete deployment" }).click();
  await expect(page).toHaveURL(/\/workloads$/);
});

test("a log that somebody scrolled up in waits with what is new", async ({ quietPage: page }) => {
  await signIn(page, "ana");
  await page.goto(`${origin()}/containers`);
  await page.getByRole("main").getByRole("link", { name: "queue" }).click();
  const log = page.getByRole("log").first();
  await expect(log).not.toBeEmpty({ timeout: 30_000 });
  await page.getByRole("button", { name: "Times" }).click();
  await expect(log).toContainText(/\d{4}-\d\d-\d\d \d\d:\d\d/);
});

test("the serial console of a machine is opened, and a second tab is told", async ({ context, page }) => {
  await signIn(page, "ana");
  const path = `${origin()}/machines/blue/web-1/console?view=serial`;
  await page.goto(path);
  await expect(page.getByText("Connected. Press Enter if nothing shows.")).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("button", { name: /^stty rows \d+ cols \d+$/ })).toBeVisible();
  const other = await context.newPage();
  await other.goto(path);
  await expect(other.getByRole("alert")).toContainText("You have this serial console open in another window.");
  await other.getByRole("button", { name: "Take over" }).click();
  await expect(page.getByRole("alert")).toContainText("It stays theirs until you take it back.");
  await page.getByRole("link", { name: "Screen" }).click();
  await expect(page).not.toHaveURL(/view=serial/);
});
