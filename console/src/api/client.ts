// One way to ask the API: with the session's token, answers as JSON, refusals as problems (RFC 9457).
import { session, signedOut } from "./session";
import type { Schemas } from "./types";

export type ProblemBody = Schemas["Problem"];

export class Refused extends Error {
  constructor(readonly problem: ProblemBody) {
    super(problem.detail || problem.title);
  }
}

/** No answer at all: the network or the server is away. */
export class Away extends Error {}

export type Query = Record<string, string | number | undefined>;

export function target(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") search.set(name, String(value));
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** The path of an object: each part of its name by itself. */
export const named = (base: string, name: string) => `${base}/${name.split("/").map(encodeURIComponent).join("/")}`;

async function send(method: string, url: string, options: { body?: unknown; token?: string | null; signal?: AbortSignal; reason?: string; headers?: HeadersInit }) {
  const headers = new Headers(options.headers);
  const token = options.token === undefined ? session().token : options.token;
  if (token) headers.set("Authorization", `Bearer ${token}`);
  if (options.body !== undefined) headers.set("Content-Type", "application/json");
  if (method !== "GET" && token) headers.set("Idempotency-Key", crypto.randomUUID());
  if (options.reason) headers.set("Penstock-Reason", options.reason);
  let response: Response;
  try {
    response = await fetch(url, {
      method, headers, signal: options.signal, cache: "no-store", credentials: "omit", redirect: "error",
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Away("The server does not answer.");
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({ type: "", title: response.statusText, status: response.status, detail: "", code: "internal" }));
  if (response.status === 401 && token && token === session().token) signedOut(problem.detail || "The session has ended.");
  throw new Refused(problem);
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return (await send("GET", target(path, query), { signal })).json();
}

export async function write<T>(method: "POST" | "DELETE", path: string, body?: unknown, reason?: string): Promise<T> {
  return (await send(method, path, { body, reason })).json();
}

/** Without the session's token: before there is one. */
export async function ask<T>(method: "GET" | "POST", path: string, body: unknown, token: string | null): Promise<T> {
  return (await send(method, path, { body, token })).json();
}

/** An answer that is read as it comes. */
export async function stream(path: string, query: Query, signal: AbortSignal, headers?: HeadersInit): Promise<ReadableStream<Uint8Array>> {
  const response = await send("GET", target(path, query), { signal, headers });
  if (!response.body) throw new Away("The stream has no body.");
  return response.body;
}

/** All pages of a list. `most` bounds what a page of the console keeps. */
export async function all<T>(path: string, query: Query = {}, signal?: AbortSignal, most = 100_000): Promise<{ items: T[]; position: number }> {
  const items: T[] = [];
  let position = 0;
  let cursor: string | undefined;
  do {
    const page = await get<{ items: T[]; next?: string; position: number }>(path, { ...query, limit: 1000, cursor }, signal);
    items.push(...page.items);
    position ||= page.position; // of the first page: what came later is told again, and harms nobody
    cursor = page.next;
  } while (cursor && items.length < most);
  return { items, position };
}
