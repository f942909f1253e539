// Lists longer than a page.

import { ask } from "../support/cluster.ts";
import { expect, origin, signIn, test } from "../support/porthole.ts";

const MACHINES = "/apis/kubevirt.io/v1/namespaces/green/virtualmachines";
const names = Array.from({ length: 60 }, (_, index) => `many-${String(index).padStart(2, "0")}`);

test("a list of more machines than a page holds is turned over, and its address opens the same page again", async ({ quietPage: page }) => {
  for (const name of names) {
    const spec = { runStrategy: "Halted", template: { spec: { domain: { devices: {}, memory: { guest: "128Mi" } } } } };
    const machine = { apiVersion: "kubevirt.io/v1", kind: "VirtualMachine", metadata: { name, namespace: "green" }, spec };
    expect((await ask("POST", MACHINES, machine)).status).toBe(201);
  }
  try {
    await signIn(page, "bo");
    await page.goto(`${origin()}/machines?q=many`);
    await expect(page.getByRole("link", { name: "many-00" })).toBeVisible();
    await expect(page.getByRole("link", { name: "many-59" })).toHaveCount(0);
    await page.getByRole("link", { name: /next/i }).click();
    await expect(page.getByRole("link", { name: "many-59" })).toBeVisible();
    await expect(page).toHaveURL(/q=many.*page=2/);
    await page.reload();
    await expect(page.getByRole("link", { name: "many-59" })).toBeVisible();
    await expect(page.getByRole("link", { name: "many-00" })).toHaveCount(0);
  } finally {
    for (const name of names) await ask("DELETE", `${MACHINES}/${name}`);
  }
});
