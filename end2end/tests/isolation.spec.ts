// One team never sees, guesses or reaches the other team's machines.

import { expect, origin, signIn, test } from "../support/porthole.ts";

test.describe("bo of the green team", () => {
  test.use({ expectedComplaints: async ({}, use) => use([/404/, /401/, /403/, /WebSocket/]) });

  test("finds nothing of the blue team in lists, pages, pictures and calls", async ({ quietPage: page }) => {
    await signIn(page, "bo");
    await page.goto(`${origin()}/machines`);
    await expect(page.getByRole("main")).toBeVisible();
    await expect(page.getByText("build-box")).toHaveCount(0);
    await page.goto(`${origin()}/machines?namespace=blue`);
    await expect(page.getByText("build-box")).toHaveCount(0);

    for (const path of ["/machines/blue/build-box", "/machines/blue/build-box/console", "/machines/blue/no-such-machine"]) {
      const answer = await page.goto(origin() + path);
      expect(answer?.status(), path).toBe(404);
      await expect(page.getByRole("main")).toContainText(/no such machine|not found/i);
    }
    const picture = await page.request.get(`${origin()}/machines/blue/web-1/screen.png`);
    expect(picture.status()).toBe(404);
  });

  test("is refused at the console's websocket as if the machine did not exist", async ({ quietPage: page }) => {
    await signIn(page, "bo");
    const outcome = (machine: string): Promise<string> =>
      page.evaluate((path) => new Promise<string>((done) => {
        const socket = new WebSocket(location.origin.replace("http", "ws") + path);
        socket.onmessage = () => done("message");
        socket.onclose = (event) => done(`closed ${event.code}`);
      }), `/console/blue/${machine}/vnc`);
    expect(await outcome("web-1")).toBe("closed 1006");
    expect(await outcome("no-such-machine")).toBe("closed 1006");
  });
});

test("nobody who is not signed in gets past the sign-in page", async ({ page }) => {
  for (const path of ["/", "/machines", "/machines/blue/web-1", "/machines/blue/web-1/console", "/containers"]) {
    await page.goto(origin() + path);
    await expect(page, path).toHaveURL(/\/sign-in\?next=/);
  }
  for (const path of ["/events", "/machines/blue/web-1/screen.png"]) {
    expect((await page.request.get(origin() + path, { maxRedirects: 0 })).status(), path).toBe(401);
  }
});
