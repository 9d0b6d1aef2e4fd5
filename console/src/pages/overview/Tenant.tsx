// A tenant's first page: its work, its contracts and what it has spent.
import { Link } from "react-router-dom";
import { useJobs } from "../../api/jobs";
import { useAll, useRead } from "../../api/read";
import { useSession } from "../../api/session";
import type { Applied, ContractSpec, Schemas } from "../../api/types";
import { Bar, Card, Empty, Head, Loaded, Meter, Problem, Skeleton } from "../../design/parts";
import { Table } from "../../design/Table";
import { moment } from "../../lib/time";
import { cash, count, gpuHours, money, quantity, sums } from "../../lib/units";
import { askedGpus, final, Phase } from "../jobs/job";

export default function Tenant() {
  const { identity } = useSession();
  const jobs = useJobs();
  const budgets = useRead<Schemas["BudgetList"]>("/v1/budgets", {}, { topics: ["jobs"], every: 10_000 });
  const usage = useRead<Schemas["UsageList"]>("/v1/usage", {}, { topics: ["jobs"], every: 10_000 });
  const contracts = useAll<Applied<ContractSpec>>("/v1/contracts", {}, { topics: ["jobs"], every: 30_000 });
  const live = (jobs.items ?? []).filter((job) => !final(job));
  const waiting = live.filter((job) => job.status.phase === "pending");
  const held = live.reduce((sum, job) => sum + quantity(job.status.allocation?.gpus as string | undefined), 0);
  const failed = (jobs.items ?? []).filter((job) => job.status.phase === "failed");
  const now = Date.now();
  const granted = (contracts.data ?? []).reduce((sum, { spec }) => sum + ([...(spec.ramp ?? [])].reverse().find(({ from }) => Date.parse(from) <= now)?.gpus ?? 0), 0);
  const wait = <Skeleton height={24} width={100} />;
  const tenants = [...new Set((identity?.grants ?? []).map((grant) => grant.tenant).filter(Boolean))].join(", ");
  return (
    <div className="page">
      <Head title={tenants || "Your work"} sub="Your workloads, contracts and what they cost" />
      {jobs.error !== null && jobs.error !== undefined && <Problem error={jobs.error} retry={jobs.retry} />}
      <div className="tiles" style={{ gridTemplateColumns: "repeat(4, minmax(0, 1fr))" }}>
        <Link className="card tile" to="/jobs?phase=running"><span className="label">GPUs held</span><span className="value">{jobs.items ? count(held) : wait}</span><span className="note">{granted > 0 ? `of ${count(granted)} under contract` : " "}</span><Bar label="held of what contracts give" parts={granted > 0 ? [{ part: held / granted }] : []} /></Link>
        <Link className="card tile" to="/jobs?phase=pending"><span className="label">Waiting</span><span className="value">{jobs.items ? count(waiting.length) : wait}</span><span className="note">{jobs.items ? `for ${count(waiting.reduce((sum, job) => sum + askedGpus(job), 0))} GPUs` : " "}</span></Link>
        <Link className="card tile" to="/jobs?phase=ended"><span className="label">Failed lately</span><span className="value">{jobs.items ? count(failed.length) : wait}</span><span className="note">in the last hour</span></Link>
        <Link className="card tile" to="/usage"><span className="label">Used by ended work</span><span className="value">{usage.data ? sums(usage.data.items.map((row) => row.usage.cost)).map((amount) => cash(amount, 0)).join(" + ") || "nothing" : wait}</span><span className="note">{usage.data ? gpuHours(usage.data.items.reduce((sum, row) => sum + quantity(row.usage.gpuTime), 0)) : " "}</span></Link>
      </div>
      <div className="stack">
        <Table name="jobs" title="Live workloads" rows={jobs.items && live} id={({ metadata }) => String(metadata.uid)} to={({ metadata }) => `/jobs/${metadata.name}`} sort="-created"
          empty={<Empty title="Nothing runs or waits" />} columns={[
            { key: "name", label: "Workload", value: ({ metadata }) => metadata.name, show: ({ metadata }) => <Link className="link" to={`/jobs/${metadata.name}`}>{metadata.name}</Link>, width: "minmax(220px, 2fr)" },
            { key: "phase", label: "Phase", value: ({ status }) => status.phase, show: (job) => <Phase job={job} />, width: "120px" },
            { key: "gpus", label: "GPUs", value: askedGpus, right: true, width: "90px" },
            { key: "site", label: "Site", value: ({ status }) => status.allocation?.site, width: "140px" },
            { key: "created", label: "Submitted", value: ({ metadata }) => metadata.created, show: ({ metadata }) => moment(metadata.created), width: "170px" },
          ]} />
        <Card title="Budgets of this month">
          <Loaded of={budgets} height={64}>
            {({ items }) => items.length === 0 ? <Empty title="No project has a budget" /> : (
              <div className="stack">{items.map((row) => <div key={row.project} className="row" style={{ gap: 16 }}><span style={{ width: 200 }}>{row.project}</span><span style={{ flex: 1 }}><Meter label={row.project} value={money(row.spent).value} of={money(row.budget).value} /></span><span style={{ width: 220 }} className="num">{row.spent} of {row.budget}</span></div>)}</div>
            )}
          </Loaded>
        </Card>
      </div>
    </div>
  );
}
