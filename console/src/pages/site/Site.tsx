// One site: its figures, and its floor, power, nodes and what restricts it.
import { Link, NavLink, useParams } from "react-router-dom";
import { useRead } from "../../api/read";
import type { Overview } from "../../api/types";
import { Badge, Empty, Head, Loaded } from "../../design/parts";
import { count, percent, quantity, watts } from "../../lib/units";
import { Power } from "../power/Power";
import { FloorPlan } from "./FloorPlan";
import { Nodes } from "./Nodes";
import { Restrictions } from "../fleet/Restrictions";
import { country, gpuSums, stateOf } from "./state";

const tabs = [["", "Floor"], ["power", "Power"], ["nodes", "Nodes"], ["calendar", "Restrictions and maintenance"]] as const;

export default function Site() {
  const { site: name = "", tab = "" } = useParams();
  const read = useRead<Overview>("/v1/overview", {}, { topics: ["jobs", "nodes", "power", "objects"], every: 1000 });
  const site = read.data?.sites.find((one) => one.site === name);
  if (read.data && !site) return <div className="page"><Empty title={`There is no site ${name}`}><Link className="link" to="/sites">All sites</Link></Empty></div>;
  const g = site && gpuSums([site]);
  const state = site && stateOf(site);
  return (
    <div className="page">
      <Head title={name} sub={site && g && state ? (
        <span className="row wrap" style={{ gap: 16 }}>
          <span title={state.why}><Badge tone={state.tone}>{state.word}</Badge></span>
          <span>{country(site.country)}{site.runtime === "simulated" ? ", simulated" : ""}</span>
          <span>{count(g.held)} of {count(g.delivered)} GPUs held, {count(g.free)} free</span>
          <span>{watts(quantity(site.import))}{site.importLimit ? ` of ${watts(quantity(site.importLimit))}` : ""} committed</span>
          {site.worst && <span>fullest limit {percent(site.worst.load / site.worst.limit, 1)}: {site.worst.row}</span>}
          <Link className="link" to={`/jobs?jobs.q=${name}`}>{count(site.jobs)} jobs</Link>
        </span>
      ) : " "} />
      <nav className="tabs" aria-label="Of this site">
        {tabs.map(([key, label]) => <NavLink key={key} end to={`/sites/${name}${key ? `/${key}` : ""}`}>{label}</NavLink>)}
      </nav>
      <Loaded of={read} height={480}>
        {() => tab === "power" ? <Power site={name} /> : tab === "nodes" ? <Nodes site={name} /> : tab === "calendar" ? <Restrictions site={name} /> : <FloorPlan site={name} />}
      </Loaded>
    </div>
  );
}
