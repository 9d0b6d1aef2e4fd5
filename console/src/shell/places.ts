// Where one can go: the navigation and the palette, less what a role may not read.
import { may } from "../api/rights";
import type { Schemas } from "../api/types";

export interface Place {
  name: string;
  to: string;
  icon: string;
}

export function places(identity: Schemas["Identity"] | null): { name: string; items: Place[] }[] {
  const estate = may(identity, "read-estate");
  const item = (allowed: boolean, name: string, to: string, icon: string): Place[] => (allowed ? [{ name, to, icon }] : []);
  return [
    { name: "", items: [...item(true, "Overview", "/", "overview"), ...item(true, "Workloads", "/jobs", "jobs"), ...item(may(identity, "write-jobs"), "Submit", "/submit", "apply")] },
    { name: "Estate", items: [...item(estate, "Sites", "/sites", "site"), ...item(estate, "Fleet", "/fleet", "fleet"), ...item(estate, "Capacity in time", "/capacity", "capacity"), ...item(may(identity, "write-objects"), "Apply", "/apply", "apply")] },
    { name: "Sales", items: [...item(true, "Contracts", "/contracts", "contract"), ...item(estate, "Quote", "/quote", "quote")] },
    { name: "Accounts", items: [...item(true, "Usage and budgets", "/usage", "usage"), ...item(may(identity, "read-accounts"), "Invoices", "/invoices", "invoice"), ...item(may(identity, "read-access"), "Audit log", "/audit", "audit")] },
  ].filter(({ items }) => items.length > 0);
}
