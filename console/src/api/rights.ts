// What each role may do, as the table in docs/api.md says. The server decides; this only hides what it would refuse.
import type { Schemas } from "./types";

export type Right = "read-estate" | "read-tenancy" | "read-accounts" | "write-objects" | "write-jobs" | "read-access" | "write-access";
type Identity = Schemas["Identity"];

const roles: Record<string, Right[]> = {
  operator: ["read-estate", "read-tenancy", "read-accounts", "write-objects", "write-jobs", "read-access", "write-access"],
  auditor: ["read-estate", "read-tenancy", "read-accounts", "read-access"],
  "tenant-admin": ["read-tenancy", "read-accounts", "write-jobs", "read-access", "write-access"],
  member: ["read-tenancy", "write-jobs"],
  viewer: ["read-tenancy"],
  node: [],
};

/** Whether some grant gives the right; with `owner` (`tenant` or `tenant/project/…`): over that. */
export function may(identity: Identity | null, right: Right, owner?: string): boolean {
  const [tenant, project] = (owner ?? "").split("/");
  return (identity?.grants ?? []).some((grant) => {
    if (!roles[grant.role]?.includes(right)) return false;
    if (!owner || !grant.tenant) return true;
    return grant.tenant === tenant && (!grant.project || grant.project === project);
  });
}

export const roleNames = (identity: Identity | null) =>
  [...new Set((identity?.grants ?? []).map((g) => (g.tenant ? `${g.role} of ${g.tenant}${g.project ? `/${g.project}` : ""}` : g.role)))].join(", ");
