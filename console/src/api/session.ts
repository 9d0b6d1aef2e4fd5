// Who is signed in. The token lives in this tab's sessionStorage and travels in a header only: no other site can make the
// browser send it, and it is gone with the tab.
import { useSyncExternalStore } from "react";
import type { Schemas } from "./types";

const key = "penstock.token";
type Identity = Schemas["Identity"];

export interface Session {
  token: string | null;
  identity: Identity | null;
  /** Why there is none any more. */
  ended: string;
}

let current: Session = { token: sessionStorage.getItem(key), identity: null, ended: "" };
const listeners = new Set<() => void>();

function set(next: Session) {
  current = next;
  listeners.forEach((tell) => tell());
}

export const session = () => current;

export function signIn(token: string, identity: Identity) {
  sessionStorage.setItem(key, token);
  set({ token, identity, ended: "" });
}

export function identified(identity: Identity) {
  set({ ...current, identity });
}

export function signedOut(why = "") {
  sessionStorage.removeItem(key);
  set({ token: null, identity: null, ended: why });
}

export function useSession(): Session {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, session);
}
