// The operator's first page: all sites on one screen. Each number opens what it is made of.
import { Link, useSearchParams } from "react-router-dom";
import { useRead } from "../../api/read";
import type { Book, Overview, SiteOverview } from "../../api/types";
import { Badge, Bar, Card, Drawer, Empty, Head, Problem, Skeleton } from "../../design/parts";
import { Table, type Column } from "../../design/Table";
import { moment } from "../../lib/time";
import { cash, count, mass, percent, quantity, sums, watts, type Amount } from "../../lib/units";
import { gpuSums, stateOf, worstPart } from "../site/state";
import { figure, power, siteColumn, siteColumns } from "./columns";
import { SiteMap } from "./Map";

type What = "gpus" | "power" | "worst" | "incidents" | "cost";

function Made({ of: what, sites, book, close }: { of: What; sites: SiteOverview[]; book: Book | undefined; close: () => void }) {
  const sold = new Map<string, number>();
  for (const row of book?.capacity ?? []) sold.set(`${row.site} ${row.gpuModel}`, row.sold);
  const table = { rows: sites, id: ({ site }: SiteOverview) => site, to: ({ site }: SiteOverview) => `/sites/${site}` };
  if (what === "gpus") {
    const rows = sites.flatMap((site) => site.gpus.map((row) => ({ site: site.site, ...row, sold: sold.get(`${site.site} ${row.model}`) })));
    type Row = (typeof rows)[number];
    const number = (key: keyof Row, label: string): Column<Row> => ({ key, label, right: true, value: (row) => (row[key] === undefined ? undefined : quantity(row[key] as string)), show: (row) => (row[key] === undefined ? "–" : count(quantity(row[key] as string))), width: "88px" });
    return (
      <Drawer title="GPUs by site and model" close={close}>
        <Table name="made" rows={rows} id={(row) => `${row.site} ${row.model}`} to={(row) => `/sites/${row.site}`} sort="-delivered" height="calc(100dvh - 190px)" columns={[
          { key: "site", label: "Site", value: (row) => row.site }, { key: "model", label: "Model", value: (row) => row.model, width: "80px" },
          number("sold", "Sold"), number("delivered", "Delivered"), number("healthy", "Healthy"), number("held", "Held"), number("active", "Active"), number("free", "Free"),
        ]} />
        <p className="muted">Sold: laid for signed contracts now. Delivered: the hall is there. Healthy: on nodes that can take work. Active: held by work that runs.</p>
      </Drawer>
    );
  }
  if (what === "power") {
    return (
      <Drawer title="Power by site" close={close}>
        <Table name="made" {...table} sort="-import" height="calc(100dvh - 190px)" columns={[siteColumn, power("contracted", "Contracted", (s) => s.contracted), power("energised", "Energised", (s) => s.energised), power("built", "Built", (s) => s.built), power("limit", "Limit now", (s) => s.importLimit), power("import", "Committed", (s) => s.import), power("max", "At full work", (s) => s.max)]} />
        <p className="muted">Energised and built: by the grid's phase of now. Committed: what the site imports if everything that is granted is drawn, idle nodes, losses and cooling included.</p>
      </Drawer>
    );
  }
  if (what === "worst") {
    return (
      <Drawer title="The fullest limit of each site" close={close}>
        <Table name="made" {...table} to={({ site }) => `/sites/${site}/power`} sort="-part" height="calc(100dvh - 160px)" columns={[siteColumn,
          { key: "row", label: "Limit", value: (s) => s.worst?.row, width: "minmax(180px, 2fr)" }, { key: "after", label: "After the loss of", value: (s) => s.worst?.contingency || (s.worst ? "nothing" : undefined), width: "minmax(160px, 2fr)" },
          { key: "part", label: "Used", value: worstPart, right: true, show: (s) => percent(worstPart(s) ?? NaN, 1), width: "84px" }]} />
      </Drawer>
    );
  }
  if (what === "cost") {
    return (
      <Drawer title="Energy: cost and carbon of an hour as it is now" close={close}>
        <Table name="made" {...table} sort="-import" height="calc(100dvh - 160px)" columns={[siteColumn, power("import", "Import", (s) => s.import),
          { key: "cost", label: "Cost an hour", right: true, value: (s) => (s.costPerHour ? Number(s.costPerHour.split(" ")[0]) : undefined), show: (s) => s.costPerHour ? cash(sums([s.costPerHour])[0]) : "–" },
          figure("carbon", "CO₂ an hour", (s) => (s.carbonPerHour ? quantity(s.carbonPerHour) : undefined), mass)]} />
      </Drawer>
    );
  }
  return null;
}

interface Matter {
  key: string;
  to: string;
  tone: "bad" | "warn";
  title: string;
  side: string;
  text: string;
}

function matters({ sites, breached }: Overview): Matter[] {
  const out: Matter[] = [];
  for (const site of sites) {
    for (const broken of site.broken ?? []) {
      out.push({ key: `${broken.row} ${broken.contingency}`, to: `/sites/${site.site}/power`, tone: "bad", title: broken.row, side: percent(broken.load / broken.limit), text: `Above its limit${broken.contingency ? ` after the loss of ${broken.contingency}` : ""}.` });
    }
  }
  for (const { contract, missing } of breached ?? []) {
    const first = missing[0];
    out.push({ key: contract, to: `/contracts/${contract}`, tone: "bad", title: contract, side: first ? `${count(first.gpus)} GPUs` : "", text: first ? `Missing from ${moment(first.from, false)}: ${first.boundBy}` : "" });
  }
  for (const site of sites) {
    const unready = site.nodes - site.nodesReady;
    if (unready > 0) out.push({ key: `${site.site} nodes`, to: `/fleet?nodes.q=${site.site}`, tone: "warn", title: site.site, side: `${count(unready)} nodes`, text: "Lost, or not registered yet: they cannot take work." });
    for (const name of site.restrictions ?? []) out.push({ key: name, to: "/fleet", tone: "warn", title: name, side: "in force", text: "A restriction holds at this site." });
  }
  return out;
}

const amounts = (of: Amount[]) => of.slice(0, 2).map((amount) => cash(amount, 0)).join(" + ") + (of.length > 2 ? ` + ${of.length - 2} more` : "");

export default function OverviewPage() {
  const [search, setSearch] = useSearchParams();
  const read = useRead<Overview>("/v1/overview", {}, { topics: ["jobs", "nodes", "power", "objects"], every: 1000 });
  const book = useRead<Book>("/v1/book", {}, { topics: ["contracts", "objects"], every: 15_000 });
  const what = search.get("made") as What | null;
  const open = (made: What | null) => setSearch((now) => {
    for (const key of [...now.keys()]) if (key.startsWith("made")) now.delete(key);
    if (made) now.set("made", made);
    return now;
  });
  if (read.error && !read.data) return <div className="page"><Problem error={read.error} retry={() => void read.refetch()} /></div>;
  const data = read.data;
  const sites = data?.sites ?? [];
  const g = gpuSums(sites);
  const sum = (of: (site: SiteOverview) => string | undefined) => sites.reduce((all, site) => all + quantity(of(site)), 0);
  const energised = sum((s) => s.energised);
  const committed = sum((s) => s.import);
  const sold = book.data?.capacity?.reduce((all, row) => all + row.sold, 0);
  const worst = sites.filter((s) => s.worst).sort((a, b) => (worstPart(b) ?? 0) - (worstPart(a) ?? 0))[0];
  const amiss = data ? matters(data) : [];
  const costs = sums(sites.map((s) => s.costPerHour));
  const q = data?.queue;
  const wait = <Skeleton height={24} width={120} />;

  return (
    <div className="page">
      <Head title="Overview" sub={data ? `${count(sites.length)} sites in ${count(new Set(sites.map((s) => s.country)).size)} countries` : " "} />
      <div className="tiles">
        <button type="button" className="card tile" onClick={() => open("gpus")}>
          <span className="label">GPUs delivered</span>
          <span className="value">{data ? count(g.delivered) : wait}</span>
          <span className="note">{data && `${count(g.held)} held`}</span>
          <span className="note">{data && `${count(g.free)} free · ${count(g.delivered - g.healthy)} out`}</span>
          <span className="note">{sold !== undefined && `${count(sold)} sold`}</span>
          <Bar label={`${percent(g.held / g.delivered)} held`} parts={[{ part: g.active / g.delivered }, { part: (g.held - g.active) / g.delivered, color: "var(--bar-2)" }]} />
        </button>
        <button type="button" className="card tile" onClick={() => open("power")}>
          <span className="label">Power committed</span>
          <span className="value">{data ? watts(committed) : wait}</span>
          <span className="note">{data && `of ${watts(energised)} energised`}</span>
          <span className="note">{data && `${watts(sum((s) => s.contracted))} contracted`}</span>
          <Bar label={`${percent(committed / energised)} of what is energised`} parts={[{ part: committed / energised }]} />
        </button>
        <button type="button" className="card tile" onClick={() => open("worst")}>
          <span className="label">Fullest limit, worst loss</span>
          <span className="value">{data ? (worst ? percent(worstPart(worst) ?? NaN, 1) : "none") : wait}</span>
          <span className="note">{worst?.worst?.row}</span>
          <span className="note">{worst?.worst && (worst.worst.contingency ? `without ${worst.worst.contingency.split("/").pop()}` : "with everything in service")}</span>
          <Bar label="used" parts={[{ part: (worst && worstPart(worst)) ?? 0, color: ((worst && worstPart(worst)) ?? 0) > 1 ? "var(--bad)" : undefined }]} />
        </button>
        <Link className="card tile" to="/jobs?phase=pending">
          <span className="label">Queue</span>
          <span className="value">{q ? <>{count(q.waiting)} <small>waiting</small></> : wait}</span>
          <span className="note">{q && `for ${count(quantity(q.gpusWaiting))} GPUs`}</span>
          <span className="note">{q && `${count(q.promised)} promised · ${count(q.running + q.starting)} running`}</span>
          <Bar label="running, of all that wait or run" parts={q ? [{ part: (q.running + q.starting) / Math.max(1, q.running + q.starting + q.waiting) }] : []} />
        </Link>
        <Link className="card tile" to="/fleet">
          <span className="label">Needs attention</span>
          <span className="value">{data ? count(amiss.length) : wait}</span>
          <span className="note">{data && (amiss.length === 0 ? "All limits hold" : `${count(amiss.filter((m) => m.tone === "bad").length)} serious`)}</span>
          <span className="note">{data && (g.delivered === g.healthy ? "all nodes ready" : `${count(g.delivered - g.healthy)} GPUs out`)}</span>
          <Bar label="sites by state" parts={data ? (["ok", "warn", "bad"] as const).map((tone) => ({ part: sites.filter((s) => stateOf(s).tone === tone).length / Math.max(1, sites.length), color: `var(--${tone})` })) : []} />
        </Link>
        <button type="button" className="card tile" onClick={() => open("cost")}>
          <span className="label">Energy an hour</span>
          <span className="value">{data ? (costs[0] ? cash(costs[0], 0) : "no price") : wait}</span>
          <span className="note">{data && costs.length > 1 && `+ ${amounts(costs.slice(1))}`}</span>
          <span className="note">{data && sites.some((s) => s.carbonPerHour) && `${mass(sum((s) => s.carbonPerHour))} CO₂`}</span>
        </button>
      </div>
      <div className="over">
        <Card title="Sites" bare tools={<span className="legend"><span><i style={{ background: "var(--ok)" }} />healthy</span><span><i style={{ background: "var(--warn)" }} />restricted</span><span><i style={{ background: "var(--bad)" }} />over a limit</span><span>filled: held</span></span>}>
          {data && sites.length === 0 ? <Empty title="No site yet"><Link className="link" to="/apply">Apply an estate</Link> to begin.</Empty> : <SiteMap sites={sites} />}
        </Card>
        <Card title="Needs attention" bare tools={<span className="faint">{data ? count(amiss.length) : ""}</span>}>
          {data && amiss.length === 0 && <Empty title="Nothing">Every limit holds, now and after any single loss. All nodes can take work.</Empty>}
          <ul className="attention">
            {amiss.slice(0, 100).map((matter) => (
              <li key={matter.key}><Link to={matter.to} className="clip"><Badge tone={matter.tone}>{matter.title}</Badge></Link><span>{matter.side}</span><p>{matter.text}</p></li>
            ))}
          </ul>
        </Card>
      </div>
      <Table name="sites" title="All sites" rows={data?.sites} columns={siteColumns} id={({ site }) => site} to={({ site }) => `/sites/${site}`} sort="-gpus" />
      {what && data && <Made of={what} sites={sites} book={book.data} close={() => open(null)} />}
    </div>
  );
}
