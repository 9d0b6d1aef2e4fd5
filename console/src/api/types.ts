// Names for the generated types of the API.
import type { components } from "./schema";

export type Schemas = components["schemas"];
export type Job = Schemas["Job"];
export type Node = Schemas["Node"];
export type Overview = Schemas["Overview"];
export type SiteOverview = Schemas["SiteOverview"];
export type Floor = Schemas["Floor"];
export type SitePower = Schemas["SitePower"];
export type ElementPower = Schemas["ElementPower"];
export type LossOutlook = Schemas["LossOutlook"];
export type Book = Schemas["Book"];

/** An applied object with a spec that is described in docs/spec.md. */
export interface Applied<Spec> {
  kind: string;
  metadata: Schemas["ObjectMetadata"];
  spec: Spec;
}

export interface GridSpec {
  contracted: string;
  phases?: { from: string; energised: string; built?: string; confidence?: string }[];
  pricePerKwh?: string;
}
export interface SiteSpec {
  country: string;
  runtime?: string;
  grid?: GridSpec;
  halls: { name: string; from?: string }[];
}
export interface ContractSpec {
  class: string;
  gpuModels?: string[];
  ramp?: { from: string; gpus: number }[];
  options?: { gpus: number; from: string; until?: string }[];
  sites?: string[];
  jurisdictions?: string[];
  pricePerGpuHour: string;
  from?: string;
  until?: string;
  shed?: unknown;
  oversold?: boolean;
}
export interface RestrictionSpec {
  cause: string;
  parts?: string[];
  to?: string;
  import?: string;
  from?: string;
  until?: string;
  note?: string;
}
export interface ProjectSpec {
  displayName?: string;
  quota?: { gpus?: string; pending?: number };
}
