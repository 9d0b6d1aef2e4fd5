// Logging in at an identity provider: one of a few lines, which holds the console to the code flow with PKCE.
import { expect, test } from "@playwright/test";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "./server";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

class Provider {
  issuer = "";
  asked: URLSearchParams[] = [];
  cors = true;
  private codes = new Map<string, URLSearchParams>();
  private server: HttpServer = createServer(async (request, response) => {
    const url = new URL(request.url!, this.issuer);
    const json = (status: number, body: object) => {
      response.writeHead(status, { "Content-Type": "application/json", ...(this.cors ? { "Access-Control-Allow-Origin": "*" } : {}) });
      response.end(JSON.stringify(body));
    };
    if (url.pathname === "/.well-known/openid-configuration") {
      return json(200, { issuer: this.issuer, authorization_endpoint: `${this.issuer}/authorize`, token_endpoint: `${this.issuer}/token`, jwks_uri: `${this.issuer}/jwks`, device_authorization_endpoint: `${this.issuer}/device` });
    }
    if (url.pathname === "/jwks") return json(200, { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k", alg: "RS256", use: "sig" }] });
    if (url.pathname === "/authorize") {
      const code = randomUUID();
      this.codes.set(code, url.searchParams);
      this.asked.push(url.searchParams);
      response.writeHead(302, { Location: `${url.searchParams.get("redirect_uri")}?code=${code}&state=${url.searchParams.get("state")}` });
      return response.end();
    }
    let body = "";
    for await (const chunk of request) body += chunk;
    const given = new URLSearchParams(body);
    const begun = this.codes.get(given.get("code") ?? "");
    this.codes.delete(given.get("code") ?? "");
    const proof = createHash("sha256").update(given.get("code_verifier") ?? "").digest("base64url");
    if (!begun || begun.get("code_challenge_method") !== "S256" || begun.get("code_challenge") !== proof) return json(400, { error: "invalid_grant", error_description: "the proof is wrong" });
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: "RS256", kid: "k", typ: "JWT" })}.${part({ iss: this.issuer, aud: "penstock", sub: "alice", iat: now, exp: now + 300, preferred_username: "alice", groups: ["ops"] })}`;
    json(200, { token_type: "Bearer", access_token: "none", id_token: `${text}.${sign("RSA-SHA256", Buffer.from(text), privateKey).toString("base64url")}` });
  });

  async start() {
    await new Promise<void>((done) => this.server.listen(0, "127.0.0.1", done));
    this.issuer = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  stop() {
    this.server.close();
  }
}

const provider = new Provider();
let server: Server;
test.beforeAll(async () => {
  await provider.start();
  server = await Server.start(["--oidc-issuer", provider.issuer, "--oidc-audience", "penstock"]);
  await server.api("POST", "/v1/apply", { sources: [{ file: "grant.yaml", text: "apiVersion: penstock/v1\nkind: Grant\nmetadata: {name: ops}\nspec: {role: auditor, claims: [ops]}\n" }] });
});
test.afterAll(async () => {
  provider.stop();
  await server.stop();
});

test("logs in at the provider and comes back to the page that was asked for", async ({ page }) => {
  await page.goto(`${server.url}/console/contracts?contracts.q=x`);
  await page.getByRole("button", { name: /^Sign in with/ }).click();
  await expect(page.getByRole("navigation", { name: "Main" })).toContainText("auditor");
  await expect(page).toHaveURL(/\/console\/contracts\?contracts\.q=x/);
  expect(provider.asked[0].get("code_challenge_method")).toBe("S256");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByLabel("Token")).toBeVisible();
});

test("a login that was not begun here is refused", async ({ page }) => {
  await page.goto(`${server.url}/console/login?code=stolen&state=another`);
  await expect(page.getByRole("alert")).toContainText("not begun in this tab");
});

test("a provider that keeps browsers out is told by name", async ({ page }) => {
  provider.cors = false;
  await page.goto(`${server.url}/console/`);
  await page.getByRole("button", { name: /^Sign in with/ }).click();
  await expect(page.getByRole("alert")).toContainText("penstock login");
});
