// What every test starts from: an address, people who sign in, and a page that must not complain.

import { test as base, expect, type Page } from "@playwright/test";

export type Person = "admin" | "ana" | "bo";

export const origin = (): string => process.env["PORTHOLE_E2E_ORIGIN"] ?? "";
export const password = (): string => process.env["PORTHOLE_E2E_PASSWORD"] ?? "";

export async function signIn(page: Page, person: Person): Promise<void> {
  await page.goto(`${origin()}/sign-in`);
  await page.getByLabel(/user ?name/i).fill(person);
  await page.getByLabel(/^password/i).fill(password());
  await page.getByRole("button", { name: /sign in/i }).click();
  await expect(page).not.toHaveURL(/sign-in/);
}

/** Refusals that a test provokes on purpose show up in the console as failed loads. */
interface Options {
  expectedComplaints: RegExp[];
}

export const test = base.extend<Options & { quietPage: Page }>({
  expectedComplaints: [[], { option: true }],
  quietPage: async ({ page, expectedComplaints }, use) => {
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await use(page);
    const unexpected = complaints.filter((text) => !expectedComplaints.some((pattern) => pattern.test(text)));
    expect(unexpected, "the browser's console has no errors").toEqual([]);
  },
});

export { expect };
