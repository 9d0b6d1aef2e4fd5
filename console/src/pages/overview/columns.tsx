// Columns of tables of sites.
import { Link } from "react-router-dom";
import type { SiteOverview } from "../../api/types";
import { Badge, Meter } from "../../design/parts";
import type { Column } from "../../design/Table";
import { count, quantity, watts } from "../../lib/units";
import { country, gpuSums, stateOf, worstPart } from "../site/state";

export const siteColumn: Column<SiteOverview> = { key: "site", label: "Site", value: ({ site }) => site, show: ({ site }) => <Link className="link" to={`/sites/${site}`}>{site}</Link>, width: "minmax(120px, 1.2fr)" };
export const figure = (key: string, label: string, value: (site: SiteOverview) => number | undefined, show: (n: number) => string): Column<SiteOverview> => ({
  key, label, right: true, value, show: (site) => { const n = value(site); return n === undefined ? <span className="faint">–</span> : show(n); }, width: "minmax(84px, 1fr)",
});
export const power = (key: string, label: string, of: (site: SiteOverview) => string | undefined) =>
  figure(key, label, (site) => { const text = of(site); return text === undefined ? undefined : quantity(text); }, watts);

export const siteColumns: Column<SiteOverview>[] = [
  siteColumn,
  { key: "country", label: "Country", value: ({ country: code }) => country(code), width: "minmax(124px, 1.1fr)" },
  { key: "state", label: "State", value: (site) => stateOf(site).word, show: (site) => <span title={stateOf(site).why}><Badge tone={stateOf(site).tone}>{stateOf(site).word}</Badge></span>, width: "minmax(110px, 1fr)" },
  figure("gpus", "GPUs", (site) => gpuSums([site]).delivered, count),
  figure("free", "Free", (site) => gpuSums([site]).free, count),
  { key: "held", label: "Held", value: (site) => { const s = gpuSums([site]); return s.delivered ? s.held / s.delivered : 0; }, show: (site) => { const s = gpuSums([site]); return <Meter label="Held" value={s.held} of={s.delivered} />; }, width: "minmax(120px, 1.2fr)" },
  power("import", "Import", ({ import: text }) => text),
  { key: "limit", label: "Of limit", value: (site) => (site.importLimit ? quantity(site.import) / quantity(site.importLimit) : undefined), show: (site) => site.importLimit ? <Meter label="Import" value={quantity(site.import)} of={quantity(site.importLimit)} /> : <span className="faint">no limit</span>, width: "minmax(120px, 1.2fr)" },
  { key: "worst", label: "Fullest limit", value: worstPart, show: (site) => site.worst ? <Meter label={site.worst.row} value={site.worst.load} of={site.worst.limit} /> : <span className="faint">–</span>, width: "minmax(120px, 1.2fr)" },
  figure("jobs", "Jobs", ({ jobs }) => jobs, count),
];
