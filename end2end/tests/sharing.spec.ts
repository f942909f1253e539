// What one person made and others start from: an image for everybody, a template out of a file, one of the cluster's own.

import type { Page } from "@playwright/test";
import { ask } from "../support/cluster.ts";
import { expect, origin, signIn, test } from "../support/porthole.ts";

const live = (page: Page): Promise<void> => expect(page.getByRole("status").filter({ hasText: /^live$/ }).first()).toBeVisible();

test("an administrator shares a team's image, and another team starts from it", async ({ browser }) => {
  test.setTimeout(180_000);
  const made = await ask("POST", "/apis/cdi.kubevirt.io/v1beta1/namespaces/blue/datavolumes", {
    apiVersion: "cdi.kubevirt.io/v1beta1",
    kind: "DataVolume",
    metadata: { name: "tools", annotations: { "cdi.kubevirt.io/storage.bind.immediate.requested": "" } },
    spec: { source: { blank: {} }, storage: { resources: { requests: { storage: "16Mi" } } } },
  });
  expect(made.status, made.body).toBe(201);

  const administrator = await (await browser.newContext()).newPage();
  await signIn(administrator, "admin");
  await administrator.goto(`${origin()}/images/blue/tools`);
  await live(administrator);
  await administrator.getByRole("link", { name: "Share with everybody" }).click({ timeout: 60_000 });
  await expect(administrator.getByLabel("Team", { exact: true })).toHaveValue("porthole-images");
  await administrator.getByLabel("Name", { exact: true }).fill("tools-for-all");
  await administrator.getByRole("button", { name: "Import", exact: true }).click();
  await expect(administrator).toHaveURL(/\/images\/porthole-images\/tools-for-all$/, { timeout: 30_000 });
  await expect(administrator.getByRole("link", { name: "New machine" })).toBeVisible({ timeout: 60_000 });

  const bo = await (await browser.newContext()).newPage();
  await signIn(bo, "bo");
  await bo.goto(`${origin()}/images/porthole-images/tools-for-all`);
  await bo.getByRole("link", { name: "New machine" }).click({ timeout: 30_000 });
  await live(bo);
  await bo.getByLabel("Name", { exact: true }).fill("from-the-shared");
  await bo.getByLabel("When it runs").selectOption({ label: "Stay off until somebody starts it" });
  await bo.getByRole("button", { name: "Create machine" }).click();
  await expect(bo).toHaveURL(/\/machines\/green\/from-the-shared$/, { timeout: 30_000 });
  const copied = async (): Promise<string> => (await ask("GET", "/api/v1/namespaces/green/persistentvolumeclaims/from-the-shared-disk")).body;
  await expect.poll(copied, { timeout: 60_000 }).toContain('"phase":"Bound"');
  await bo.goto(`${origin()}/images/blue/tools`);
  await expect(bo.getByRole("heading", { level: 1 })).not.toHaveText(/tools/);
});

test("a template travels as a file, is looked at before it is kept, and says what is no template", async ({ page }) => {
  await signIn(page, "ana");
  await page.goto(`${origin()}/machines/blue/web-1`);
  await live(page);
  await page.getByLabel("More actions").click();
  await page.getByRole("main").getByRole("link", { name: /template/i }).click();
  await page.getByLabel("Title", { exact: true }).fill("Web server");
  await page.getByRole("button", { name: /(save|keep).*template/i }).click();
  await expect(page).toHaveURL(/\/templates$/, { timeout: 30_000 });
  const href = await page.getByRole("listitem").filter({ hasText: "Web server" }).getByRole("link", { name: "Export" }).getAttribute("href");
  const file = Buffer.from(decodeURIComponent((href ?? "").slice((href ?? "").indexOf(",") + 1)), "utf8");

  const choose = page.locator("input[type=file]");
  await choose.setInputFiles({ name: "notes.json", mimeType: "application/json", buffer: Buffer.from("{\"a\": 1}") });
  await expect(page.getByRole("main")).toContainText(/not a template|no template/i);
  await choose.setInputFiles({ name: "web.json", mimeType: "application/json", buffer: file });
  const preview = page.getByRole("form", { name: "The template in the file" });
  await preview.getByLabel("Title").fill("Web server, once more");
  await preview.getByRole("button", { name: "Keep template" }).click();
  await expect(page.getByRole("link", { name: "Web server, once more" })).toBeVisible({ timeout: 30_000 });
  await expect(preview).toBeHidden();
});

test("a template of the cluster's own kind is filled in and makes a machine", async ({ page }) => {
  const kept = await ask("POST", "/apis/template.kubevirt.io/v1alpha1/namespaces/blue/virtualmachinetemplates", {
    apiVersion: "template.kubevirt.io/v1alpha1",
    kind: "VirtualMachineTemplate",
    metadata: { name: "appliance" },
    spec: {
      parameters: [{ name: "MEMORY", displayName: "Memory", value: "96Mi", required: true }],
      virtualMachine: {
        metadata: { name: "appliance-1" },
        spec: {
          runStrategy: "Halted",
          template: { spec: { domain: { devices: {}, memory: { guest: "${MEMORY}" } } } },
        },
      },
    },
  });
  expect(kept.status, kept.body).toBe(201);
  const rights = "/apis/rbac.authorization.k8s.io/v1/namespaces/blue";
  const group = "rbac.authorization.k8s.io";
  await ask("POST", `${rights}/roles`, {
    apiVersion: `${group}/v1`,
    kind: "Role",
    metadata: { name: "templates" },
    rules: [{ apiGroups: ["template.kubevirt.io"], resources: ["virtualmachinetemplates"], verbs: ["get", "list"] }],
  });
  await ask("POST", `${rights}/rolebindings`, {
    apiVersion: `${group}/v1`,
    kind: "RoleBinding",
    metadata: { name: "templates" },
    roleRef: { apiGroup: group, kind: "Role", name: "templates" },
    subjects: [{ kind: "Group", apiGroup: group, name: "porthole:team:blue" }],
  });
  await signIn(page, "ana");
  await expect(async () => {
    await page.goto(`${origin()}/templates`);
    await expect(page.getByRole("link", { name: "appliance", exact: true })).toBeVisible({ timeout: 3_000 });
  }).toPass({ timeout: 60_000 });
  await page.getByRole("listitem").filter({ hasText: "the cluster's own" }).getByRole("link", { name: "Use" }).click();
  await live(page);
  await page.getByLabel("Memory", { exact: true }).fill("80Mi");
  await page.getByRole("button", { name: "Fill in the form" }).click();
  await page.getByLabel("Name", { exact: true }).fill("from-native");
  await page.getByRole("button", { name: "Create machine" }).click();
  await expect(page).toHaveURL(/\/machines\/blue\/from-native$/, { timeout: 30_000 });
  const made = await ask("GET", "/apis/kubevirt.io/v1/namespaces/blue/virtualmachines/from-native");
  expect(JSON.parse(made.body)).toMatchObject({ spec: { template: { spec: { domain: { memory: { guest: "80Mi" } } } } } });
});
