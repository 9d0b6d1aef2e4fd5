// The console from outside: what an operator and a tenant do with it, by mouse and by keys, in both themes.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { examples, Server } from "./server";

// Each goes on from what the one before has left.
test.describe.configure({ mode: "serial" });

let server: Server;

test.beforeAll(async () => {
  test.setTimeout(180_000);
  server = await Server.start();
});
test.afterAll(() => server.stop());

// Nothing may be refused by the policy, asked of others, or fail.
test.beforeEach(async ({ page }) => {
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) throw new Error(message.text());
  });
  page.on("pageerror", (error) => { throw error; });
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !/^(data|blob):/.test(request.url())) throw new Error(`a request to ${request.url()}`);
  });
});

async function signIn(page: Page, token = server.token, path = "/") {
  await page.goto(`${server.url}/console${path}`);
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
}

const picture = (page: Page, name: string) => page.screenshot({ path: join("../build/console-tests/screenshots", `${name}.png`) });

test("has the types of the API that the server describes", () => {
  const made = join(server.state, "schema.ts");
  execFileSync("npx", ["openapi-typescript", `${server.url}/openapi.json`, "-o", made], { stdio: "ignore" });
  expect(readFileSync("src/api/schema.ts", "utf8") === readFileSync(made, "utf8"), "run `npm run types -- URL/openapi.json -o src/api/schema.ts`").toBe(true);
});

test("signs in with a token, and tells why not", async ({ page }) => {
  await page.goto(`${server.url}/`);
  await expect(page).toHaveURL(/\/console\/$/);
  await page.getByLabel("Token").fill("pst_0_wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await signIn(page);
  await expect(page.getByRole("status").filter({ hasText: "Live" })).toBeVisible();
  // In this tab only, and nowhere that another site could make the browser send.
  expect(await page.evaluate(() => [document.cookie, JSON.stringify(localStorage).includes("pst_")])).toEqual(["", false]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token")).toBeVisible();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
});

test("applies an estate after showing what it changes", async ({ page }) => {
  await signIn(page, server.token, "/apply");
  const files = page.getByLabel("Files of YAML");
  const apply = page.getByRole("button", { name: "Apply", exact: true });
  for (const estate of ["workstation", "loughton"]) {
    await files.setInputFiles(["site.yaml", "tenancy.yaml"].map((name) => join(examples, estate, name)));
    await expect(apply).toBeDisabled();
    await page.getByRole("button", { name: "Show what would change" }).click();
    await expect(page.getByText("This would change")).toBeVisible();
    await apply.click();
    await expect(page.getByText("Applied", { exact: true })).toBeVisible();
  }
  await page.getByRole("link", { name: "Overview" }).first().click();
  await expect(page.getByRole("cell", { name: "loughton", exact: true })).toBeVisible();
  await expect(page.locator(".tile .value").first()).toHaveText("23,042"); // 23,040 and the two of this machine
  await picture(page, "overview");
});

test("a fault in a document is told with its line", async ({ page }) => {
  await signIn(page, server.token, "/apply");
  await page.getByLabel("Or as text").fill("apiVersion: penstock/v1\nkind: Tenant\nmetadata: {name: x}\nspec: {nonsense: 1}\n");
  await page.getByRole("button", { name: "Show what would change" }).click();
  await expect(page.getByRole("alert")).toContainText("typed.yaml:4");
});

test("submits a job and watches it finish with its log", async ({ page }) => {
  await signIn(page, server.token, "/submit");
  await page.getByRole("combobox", { name: /^Project/ }).selectOption("local/demo");
  await page.getByLabel("Name").fill("watched");
  await page.getByLabel("Tasks").fill("2");
  await page.getByLabel("Shell command").fill("echo hello from rank $PENSTOCK_RANK; sleep 2; echo done");
  await expect(page.getByText("Room now at workstation")).toBeVisible();
  await page.getByRole("button", { name: "Submit" }).click();
  await expect(page).toHaveURL(/jobs\/local\/demo\/watched/);
  await expect(page.getByLabel("Output of rank 0")).toContainText("hello from rank 0");
  await expect(page.getByText("succeeded").first()).toBeVisible({ timeout: 60_000 });
  await expect(page.getByLabel("Output of rank 0")).toContainText("done");
  await page.getByRole("button", { name: /^Rank 1 on/ }).click();
  await expect(page.getByLabel("Output of rank 1")).toContainText("hello from rank 1");
  await picture(page, "job");
});

test("says why a job waits and what would help, and cancels it", async ({ page }) => {
  await server.api("POST", "/v1/jobs", { metadata: { name: "acme/llm/first" }, spec: { groups: [{ name: "m", replicas: 5000, gpus: "4" }], timeLimit: "PT2H" } });
  await server.api("POST", "/v1/jobs", { metadata: { name: "acme/llm/second" }, spec: { groups: [{ name: "m", replicas: 1000, gpus: "4" }], timeLimit: "PT2H" } });
  await signIn(page, server.token, "/jobs?phase=pending");
  await page.getByRole("link", { name: "acme/llm/second" }).click();
  await expect(page.getByRole("heading", { name: "Why it waits" })).toBeVisible();
  await expect(page.getByText("gpus-busy").or(page.getByText("contract", { exact: true })).first()).toBeVisible();
  await expect(page.getByText("What would help")).toBeVisible();
  await picture(page, "waiting");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByLabel("Reason, for the audit log").fill("not needed any more");
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await expect(page.getByText("cancelled").first()).toBeVisible();
  await page.goto(`${server.url}/console/audit`);
  await expect(page.getByRole("cell", { name: "not needed any more" })).toBeVisible();
});

test("shows what the loss of an element does", async ({ page }) => {
  await signIn(page, server.token, "/sites/loughton/power");
  await page.locator("g.el", { hasText: "loughton/ups-h1-1-a" }).click();
  await expect(page.getByRole("heading", { name: "If ups-h1-1-a was lost" })).toBeVisible();
  await expect(page.getByText("20 racks")).toBeVisible();
  await page.locator("g.el", { hasText: "loughton/ups-h1-1-b" }).click({ modifiers: ["Shift"] });
  await expect(page.getByText("Racks go dark")).toBeVisible();
  await expect(page.getByText("Ends with its power")).toBeVisible();
  await expect(page).toHaveURL(/lose=ups-h1-1-a%2Cups-h1-1-b/);
  await picture(page, "loss");
});

test("walks from the floor to a rack and a node", async ({ page }) => {
  await signIn(page, server.token, "/sites/loughton");
  const floor = page.getByRole("application");
  await floor.focus();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByText("h1/r1ak01")).toBeVisible();
  for (const by of ["Free GPUs", "Tenant", "Power"]) await page.getByRole("button", { name: by }).click();
  await picture(page, "floor");
  await floor.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Rack r1ak02" })).toBeVisible();
  await page.locator(".elevation a").first().click();
  await expect(page).toHaveURL(/nodes\/loughton\/h1\/r1ak02/);
  await expect(page.getByRole("cell", { name: "acme/llm/first", exact: true })).toBeVisible();
});

test("a role is shown what it may do, and refused the rest by the API", async ({ page }) => {
  const { body } = await server.api("POST", "/v1/tokens", { name: "eyes", role: "viewer", tenant: "acme" });
  await signIn(page, body.token);
  const nav = page.getByRole("navigation", { name: "Main" });
  for (const name of ["Sites", "Fleet", "Apply", "Submit", "Invoices", "Audit log", "Quote"]) await expect(nav.getByRole("link", { name, exact: true })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "acme/llm/first" })).toBeVisible();
  await page.getByRole("link", { name: "acme/llm/first" }).click();
  await expect(page.getByRole("heading", { name: "Allocation" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Cancel" })).toHaveCount(0);
  await page.goto(`${server.url}/console/apply`);
  await expect(page.getByText("There is nothing at this address")).toBeVisible();
  expect((await server.api("GET", "/v1/overview", undefined, body.token)).status).toBe(403);
  expect((await server.api("POST", "/v1/jobs/acme/llm/first/cancel", undefined, body.token)).status).toBe(403);
  await server.api("DELETE", `/v1/tokens/${body.id}`);
  await page.goto(`${server.url}/console/jobs`);
  await expect(page.getByText("You were signed out")).toBeVisible();
});

test("works by keys alone", async ({ page }) => {
  await page.goto(`${server.url}/console/`);
  await page.keyboard.type(server.token);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("workl");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Workloads" })).toBeVisible();
  await expect(page.getByRole("link", { name: "acme/llm/first" })).toBeVisible();
  await page.keyboard.press("/");
  await page.keyboard.type("first");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/jobs\/acme\/llm\/first/);
});

test("filters and order survive a reload, and a table is saved as CSV", async ({ page }) => {
  await signIn(page, server.token, "/sites/loughton/power");
  const filter = page.getByLabel("Filter Elements");
  await filter.fill("busway-h2");
  await page.getByRole("columnheader", { name: "Element" }).getByRole("button").click();
  await page.reload();
  await expect(filter).toHaveValue("busway-h2");
  await expect(page.getByRole("columnheader", { name: "Element" })).toHaveAttribute("aria-sort", "ascending");
  const saved = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save Elements as CSV" }).click();
  expect((await saved).suggestedFilename()).toBe("elements.csv");
});

test("goes on where it broke when the server was away", async ({ page }) => {
  await signIn(page, server.token, "/jobs");
  await expect(page.getByRole("link", { name: "acme/llm/first" })).toBeVisible();
  await server.kill();
  await expect(page.getByText("The server does not answer.")).toBeVisible();
  await expect(page.getByRole("link", { name: "acme/llm/first" })).toBeVisible(); // what was known stays
  await picture(page, "away");
  await server.up();
  // Before the console is back: it must hear of them all the same.
  for (const n of [1, 2, 3]) await server.api("POST", "/v1/jobs", { metadata: { name: `acme/llm/missed-${n}` }, spec: { groups: [{ name: "m", replicas: 1, gpus: "4" }], timeLimit: "PT2H" } });
  for (const n of [1, 2, 3]) await expect(page.getByRole("link", { name: `acme/llm/missed-${n}` })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText("The server does not answer.")).toHaveCount(0);
  await expect(page.getByRole("status").filter({ hasText: "Live" })).toBeVisible();
});

for (const theme of ["light", "dark"] as const) {
  test(`has no serious fault of accessibility, ${theme}`, async ({ page }) => {
    await page.addInitScript((name) => localStorage.setItem("theme", name), theme);
    await page.goto(`${server.url}/console/`);
    const faults: string[] = [];
    const look = async (path: string) => {
      const { violations } = await new AxeBuilder({ page }).analyze();
      for (const { id, impact, nodes } of violations) {
        if (impact === "serious" || impact === "critical") faults.push(`${path}: ${id} ${nodes.slice(0, 3).map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
      }
    };
    await look("sign in");
    await signIn(page);
    for (const path of ["/", "/sites/loughton", "/sites/loughton/power?lose=ups-h1-1-a", "/jobs", "/jobs/local/demo/watched", "/submit", "/contracts", "/contracts/acme/loughton", "/quote", "/capacity", "/fleet", "/usage", "/audit", "/apply", "/?made=gpus"]) {
      await page.goto(`${server.url}/console${path}`);
      await expect(page.locator("h1")).toBeVisible();
      await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
      await look(path);
      if (path === "/" || path === "/jobs") await picture(page, `${theme}${path === "/" ? "-overview" : "-jobs"}`);
    }
    expect(faults).toEqual([]);
    await page.goto(`${server.url}/console/`);
    await page.getByRole("button", { name: theme === "dark" ? "Light theme" : "Dark theme" }).click();
    await expect(page.locator("html")).toHaveAttribute("data-theme", theme === "dark" ? "light" : "dark");
  });
}
