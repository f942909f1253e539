// The parts of a machine's page: tabs with addresses of their own, a manifest that two people edit, a moment to call a deed off,
// protection against deletion.

import type { Page } from "@playwright/test";
import { ask } from "../support/cluster.ts";
import { expect, origin, signIn, test } from "../support/porthole.ts";

const MACHINES = "/apis/kubevirt.io/v1/namespaces/blue/virtualmachines";

const live = async (page: Page): Promise<void> => {
  await expect(page.getByText("live", { exact: true }).first()).toBeVisible();
};

/** A machine that is off and belongs to this test alone. */
async function make(name: string, runStrategy = "Manual"): Promise<void> {
  const made = await ask("POST", MACHINES, {
    apiVersion: "kubevirt.io/v1",
    kind: "VirtualMachine",
    metadata: { name, namespace: "blue", labels: { app: name } },
    spec: {
      runStrategy,
      template: { spec: { domain: { cpu: { cores: 1 }, memory: { guest: "64Mi" }, devices: {} } } },
    },
  });
  expect(made.status).toBe(201);
}

const remove = (name: string) => ask("DELETE", `${MACHINES}/${name}`);

async function stored(name: string): Promise<{ status: number; text: string }> {
  const { status, body } = await ask("GET", `${MACHINES}/${name}`);
  return { status, text: body };
}

test("every part of the page has an address of its own", async ({ quietPage: page }) => {
  await signIn(page, "ana");
  await page.goto(`${origin()}/machines/blue/web-1`);
  await live(page);
  const parts = page.getByRole("navigation", { name: "Parts of this machine's page" });
  for (const [name, address, region] of [
    ["Metrics", /tab=metrics/, "Metrics"],
    ["Timeline", /tab=timeline/, "Timeline"],
    ["YAML", /tab=yaml/, "YAML"],
  ] as const) {
    await parts.getByRole("link", { name }).click();
    await expect(page).toHaveURL(address);
    await expect(page.getByRole("region", { name: region, exact: true })).toBeVisible();
    await expect(parts.getByRole("link", { name })).toHaveAttribute("aria-current", "page");
  }
  await page.goBack();
  await expect(page.getByRole("region", { name: "Timeline", exact: true })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("region", { name: "Timeline", exact: true })).toContainText("The machine was made.");
  await page.getByRole("link", { name: /^Warnings/ }).click();
  await expect(page).toHaveURL(/warnings=true/);
});

test("a manifest is edited, compared and saved, and what somebody else did stays", async ({ quietPage: page }) => {
  await make("edited");
  try {
    await signIn(page, "ana");
    await page.goto(`${origin()}/machines/blue/edited?tab=yaml`);
    await live(page);
    const field = page.getByRole("textbox", { name: "The manifest as YAML" });
    await expect(field).toHaveValue(/cores: 1/);
    await expect(page.locator(".yaml .y-key").first()).toBeAttached();

    const text = await field.inputValue();
    await field.fill(text.replace("cores: 1", "corse: 1"));
    await page.getByRole("button", { name: "Look at the changes" }).click();
    await expect(page.locator("[data-problem]")).toContainText("Did you mean cores?");
    await expect(page.locator(".yaml .y-wrong").first()).toBeAttached();

    // Somebody else changes the same field meanwhile, and another one.
    const patch = { metadata: { labels: { owner: "ben" } }, spec: { template: { spec: { domain: { cpu: { cores: 4 } } } } } };
    await ask("PATCH", `${MACHINES}/edited`, patch, "application/merge-patch+json");
    await field.fill(text.replace("cores: 1", "cores: 2"));
    await page.getByRole("button", { name: "Look at the changes" }).click();
    await expect(page.getByText("Somebody else changed the same since you began")).toBeVisible();
    await page.getByRole("button", { name: "Go on with my values" }).click();
    await expect(field).toHaveValue(/owner: ben/);
    await page.getByRole("button", { name: "Save these changes" }).click();
    await expect(page.getByText("edited is saved.")).toBeVisible();
    const now = await stored("edited");
    expect(now.text).toContain('"cores":2');
    expect(now.text).toContain('"owner":"ben"');
  } finally {
    await remove("edited");
  }
});

test("a deletion is called off within its moment, and protection refuses it", async ({ quietPage: page }) => {
  await make("kept");
  try {
    await signIn(page, "ana");
    await page.goto(`${origin()}/machines/blue/kept`);
    await live(page);
    const openQuestion = async (): Promise<void> => {
      await page.getByLabel("More actions").click();
      await page.getByRole("button", { name: "Delete…" }).click();
    };
    await openQuestion();
    await page.getByLabel(/Type kept to delete it/).fill("kept");
    await page.getByRole("button", { name: "Delete machine" }).click();
    const waiting = page.getByRole("region", { name: "About to happen" });
    await expect(waiting).toContainText("kept is about to be deleted");
    await waiting.getByRole("button", { name: "Undo" }).click();
    await expect(waiting).not.toContainText("kept");
    await page.goto(`${origin()}/machines/blue/kept`);
    await expect(page.getByRole("heading", { level: 1, name: "kept" })).toBeVisible();

    await live(page);
    await page.getByRole("button", { name: "Protect it against deletion" }).click();
    await expect(page.getByRole("button", { name: "Take the protection off" })).toBeVisible();
    await openQuestion();
    await expect(page.getByRole("dialog", { name: "Delete kept?" })).toContainText("It is protected against deletion");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Take the protection off" }).click();
    await expect(page.getByRole("button", { name: "Protect it against deletion" })).toBeVisible();

    await openQuestion();
    await page.getByLabel(/Type kept to delete it/).fill("kept");
    await page.getByRole("button", { name: "Delete machine" }).click();
    await waiting.getByRole("button", { name: "Now" }).click();
    await expect.poll(async () => (await stored("kept")).status, { timeout: 30_000 }).toBe(404);
  } finally {
    await remove("kept");
  }
});

test("a stop waits a moment, and a page that is closed before has asked for nothing", async ({ quietPage: page }) => {
  await make("runs", "Always");
  try {
    await signIn(page, "ana");
    await page.goto(`${origin()}/machines/blue/runs`);
    await live(page);
    await expect(page.getByRole("main").getByText(/^running/i).first()).toBeVisible({ timeout: 60_000 });
    await page.getByRole("button", { name: "Stop", exact: true }).first().click();
    await expect(page.getByRole("region", { name: "About to happen" })).toContainText("runs is about to be shut down.");
    await page.reload();
    await live(page);
    await expect(page.getByRole("region", { name: "About to happen" })).not.toContainText("runs");
    expect((await stored("runs")).text).toContain('"printableStatus":"Running"');

    await page.getByRole("button", { name: "Stop", exact: true }).first().click();
    await page.getByRole("region", { name: "About to happen" }).getByRole("button", { name: "Now" }).click();
    await expect(page.getByText("runs was asked to shut down.")).toBeVisible();
  } finally {
    await remove("runs");
  }
});
