// Lists: a query that is typed, columns and views that are in the address, many rows at once, rows that hold still.

import { ask } from "../support/cluster.ts";
import { expect, origin, signIn, test } from "../support/porthole.ts";

const MACHINES = "/apis/kubevirt.io/v1/namespaces/green/virtualmachines";
const names = ["row-a", "row-b", "row-c"];

async function make(name: string): Promise<void> {
  const spec = { runStrategy: "Halted", template: { spec: { domain: { devices: {}, memory: { guest: "128Mi" } } } } };
  const metadata = { name, namespace: "green", labels: { suite: "inventory" } };
  const machine = { apiVersion: "kubevirt.io/v1", kind: "VirtualMachine", metadata, spec };
  expect((await ask("POST", MACHINES, machine)).status).toBe(201);
}

test.beforeEach(async ({ page }) => {
  for (const name of names) await make(name);
  await signIn(page, "bo");
});

test.afterEach(async () => {
  for (const name of [...names, "row-0"]) await ask("DELETE", `${MACHINES}/${name}`);
});

test("a query narrows the list while it is typed, and says where it is wrong", async ({ quietPage: page }) => {
  await page.goto(`${origin()}/machines`);
  const field = page.getByRole("combobox", { name: /filter/i });
  await field.fill("label:suite=inventory name:row-b");
  await expect(page.getByRole("main").getByRole("link", { name: "row-b", exact: true })).toBeVisible();
  await expect(page.getByRole("main").getByRole("link", { name: "row-a", exact: true })).toHaveCount(0);
  await expect(page).toHaveURL(/q=label/);
  await field.fill("stat:running");
  await expect(page.locator("#q-problem")).toContainText("Column 1: There is no key `stat`. Did you mean `state`?");
  await expect(field).toHaveValue("stat:running");
});

test("columns are chosen, and the address opens the same list again", async ({ quietPage: page }) => {
  await page.goto(`${origin()}/machines?q=label:suite%3Dinventory`);
  await page.getByLabel("Choose columns").click();
  await page.getByRole("link", { name: "Labels" }).click();
  await expect(page.getByRole("columnheader", { name: "Labels" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("columnheader", { name: "Labels" })).toBeVisible();
  await expect(page.getByRole("cell", { name: /suite=inventory/ }).first()).toBeVisible();
});

test("a view is saved, opened and deleted", async ({ quietPage: page }) => {
  await page.goto(`${origin()}/machines?q=label:suite%3Dinventory`);
  await page.getByLabel("Saved views").click();
  await page.getByLabel("Name of this view").fill("My rows");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("The view My rows is kept.")).toBeVisible();
  await page.goto(`${origin()}/machines`);
  await page.getByLabel("Saved views").click();
  await page.getByRole("link", { name: "My rows" }).click();
  await expect(page).toHaveURL(/view=My%20rows/);
  await expect(page.getByRole("link", { name: "row-a", exact: true })).toBeVisible();
  await page.getByLabel("Saved views").click();
  await page.getByLabel("Change the view My rows").click();
  await page.getByRole("button", { name: "Delete this view" }).click();
  await expect(page.getByText("The view My rows is gone.")).toBeVisible();
});

test.describe("many rows", () => {
  // Deleting with the wrong number is refused.
  test.use({ expectedComplaints: [/422/] });

  test("chosen rows are labelled, all that match are deleted after their number is typed, and each says what became of it", async ({ quietPage: page }) => {
    await page.goto(`${origin()}/machines?q=label:suite%3Dinventory`);
    await page.getByLabel("Choose green/row-a").check();
    await page.getByLabel("Choose green/row-b").check();
    await expect(page.getByText("2 chosen")).toBeVisible();
    await page.getByLabel("Label them").click();
    await page.getByLabel(/key=value/).fill("tier=test");
    await page.getByRole("button", { name: "Set" }).click();
    await expect(page.locator("[data-run]")).toContainText("Label tier=test: 2 done.");
    await page.getByRole("radio", { name: "All 3 that match" }).check();
    await page.getByLabel("Delete them").click();
    await page.getByRole("button", { name: "Delete for good" }).click();
    await expect(page.getByText("Type delete 3 to delete them.")).toBeVisible();
    await page.getByLabel("Delete them").click();
    await page.getByLabel(/^Type/).fill("delete 3");
    await page.getByRole("button", { name: "Delete for good" }).click();
    await expect(page.locator("[data-run]")).toContainText("Delete: 3 done.");
    await expect(page.getByRole("link", { name: "row-a", exact: true })).toHaveCount(0);
  });
});

test("rows hold their places under the mouse and tell that something changed", async ({ quietPage: page }) => {
  await page.goto(`${origin()}/machines?q=label:suite%3Dinventory`);
  const first = page.getByRole("link", { name: "row-a", exact: true });
  await expect(first).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: /live/i }).or(page.getByText(/^live$/i)).first()).toBeVisible();
  await first.hover();
  await make("row-0");
  const refresh = page.getByRole("button", { name: /1 change · refresh/ });
  await expect(refresh).toBeVisible();
  await expect(page.getByRole("link", { name: "row-0", exact: true })).toHaveCount(0);
  // By keyboard: with the pointer on its way there the rows are let go already.
  await refresh.press("Enter");
  await expect(page.getByRole("link", { name: "row-0", exact: true })).toBeVisible();
});

test("the list comes as a file for spreadsheets", async ({ quietPage: page }) => {
  await page.goto(`${origin()}/machines?q=label:suite%3Dinventory`);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  expect(download.suggestedFilename()).toBe("machines.csv");
});

test("rollouts of chosen workloads are paused, and each is told by its kind", async ({ quietPage: page }) => {
  const path = "/apis/apps/v1/namespaces/green/deployments";
  const template = { metadata: { labels: { app: "row-w" } }, spec: { containers: [{ name: "c", image: "porthole.local/tools" }] } };
  const spec = { replicas: 0, selector: { matchLabels: { app: "row-w" } }, template };
  const metadata = { name: "row-w", namespace: "green", labels: { suite: "inventory" } };
  expect((await ask("POST", path, { apiVersion: "apps/v1", kind: "Deployment", metadata, spec })).status).toBe(201);
  try {
    await page.goto(`${origin()}/workloads?q=label:suite%3Dinventory&columns=kind`);
    await expect(page.getByRole("columnheader", { name: "Image" })).toHaveCount(0);
    await page.getByLabel("Choose deployments/green/row-w").check();
    await page.getByRole("button", { name: "Pause rollout" }).click();
    await expect(page.locator("[data-run]")).toContainText("Pause rollout: 1 done.");
    await page.getByLabel("Choose deployments/green/row-w").check();
    await page.getByRole("button", { name: "Pause rollout" }).click();
    await expect(page.locator("[data-run]")).toContainText("deployments/green/row-w refused Its rollout is paused already.");
    await page.getByLabel("Saved views").click();
    await page.getByRole("link", { name: "Held" }).click();
    await expect(page.getByRole("link", { name: "row-w", exact: true })).toBeVisible();
  } finally {
    await ask("DELETE", `${path}/row-w`);
  }
});
