// How a site is, in one word and colour.
import type { SiteOverview } from "../../api/types";
import type { Tone } from "../../design/parts";
import { quantity } from "../../lib/units";

export function stateOf(site: SiteOverview): { tone: Tone; word: string; why: string } {
  if (site.broken?.length) return { tone: "bad", word: "Over limit", why: `${site.broken.length} above their limit` };
  const unready = site.nodes - site.nodesReady;
  if (unready > 0) return { tone: "warn", word: "Nodes out", why: `${unready} of ${site.nodes} nodes cannot take work` };
  if (site.restrictions?.length) return { tone: "warn", word: "Restricted", why: site.restrictions.join(", ") };
  if (site.nodes === 0) return { tone: "hollow", word: "Not built yet", why: "no node stands there yet" };
  return { tone: "ok", word: "Healthy", why: "" };
}

export interface Sums {
  delivered: number;
  healthy: number;
  held: number;
  active: number;
  free: number;
}

export function gpuSums(sites: SiteOverview[]): Sums {
  const out: Sums = { delivered: 0, healthy: 0, held: 0, active: 0, free: 0 };
  for (const row of sites.flatMap(({ gpus }) => gpus)) {
    out.delivered += row.delivered;
    out.healthy += row.healthy;
    out.held += quantity(row.held);
    out.active += quantity(row.active);
    out.free += row.free;
  }
  return out;
}

/** How full the limit is that is used most. */
export const worstPart = (site: SiteOverview) => (site.worst && site.worst.limit > 0 ? site.worst.load / site.worst.limit : undefined);

const regions = new Intl.DisplayNames(["en"], { type: "region" });
export const country = (code: string) => regions.of(code) ?? code;
