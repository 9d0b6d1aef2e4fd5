// Logging in at the identity provider: the authorisation code flow with PKCE, in the browser. The provider must allow this
// origin (CORS) to read its configuration and to ask at its token endpoint.
import { ask } from "./client";
import type { Schemas } from "./types";

const key = "penstock.login";
const base64url = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const chance = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const redirect = () => `${location.origin}/console/login`;

interface Provider {
  authorization_endpoint: string;
  token_endpoint: string;
}

async function provider(issuer: string): Promise<Provider> {
  try {
    const answer = await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, { credentials: "omit" });
    if (answer.ok) return await answer.json();
  } catch {
    // told below
  }
  throw new Error(`The identity provider at ${issuer} cannot be read from a browser: it must allow ${location.origin} (CORS). Until then, log in with \`penstock login\` and use its token here.`);
}

export async function leaveForProvider(info: Schemas["LoginInfo"], back: string) {
  const { authorization_endpoint } = await provider(info.issuer);
  const verifier = chance();
  const state = chance();
  sessionStorage.setItem(key, JSON.stringify({ verifier, state, back }));
  const challenge = base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
  const to = new URL(authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: "code", client_id: info.clientId, redirect_uri: redirect(), scope: info.scopes.join(" "), state,
    code_challenge: challenge, code_challenge_method: "S256",
  })) to.searchParams.set(name, value);
  location.assign(to);
}

/** Back from the provider: the token of a session, and where the person wanted to go. */
export async function returnFromProvider(search: URLSearchParams): Promise<{ token: string; back: string }> {
  const kept = JSON.parse(sessionStorage.getItem(key) ?? "null") as { verifier: string; state: string; back: string } | null;
  sessionStorage.removeItem(key);
  if (search.get("error")) throw new Error(search.get("error_description") ?? search.get("error") ?? "");
  if (!kept || kept.state !== search.get("state")) throw new Error("This login was not begun in this tab. Sign in again.");
  const info = await ask<Schemas["LoginInfo"]>("GET", "/v1/login", undefined, null);
  const { token_endpoint } = await provider(info.issuer);
  const answer = await fetch(token_endpoint, {
    method: "POST", credentials: "omit",
    body: new URLSearchParams({
      grant_type: "authorization_code", code: search.get("code") ?? "", redirect_uri: redirect(), client_id: info.clientId, code_verifier: kept.verifier,
    }),
  });
  const given = await answer.json();
  if (!answer.ok || !given.id_token) throw new Error(given.error_description ?? given.error ?? "The identity provider gave no ID token.");
  const login = await ask<Schemas["LoggedIn"]>("POST", "/v1/login", { idToken: given.id_token }, null);
  return { token: login.token, back: kept.back };
}
