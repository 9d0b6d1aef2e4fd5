// Usage of projects, budgets, open months, and the rows behind them.
import { useSearchParams } from "react-router-dom";
import { useAll, useRead } from "../../api/read";
import { may } from "../../api/rights";
import { useSession } from "../../api/session";
import type { Schemas } from "../../api/types";
import { Badge, Card, Empty, Head, Loaded, Meter, Problem } from "../../design/parts";
import { Table } from "../../design/Table";
import { gpuHours, mass, money, quantity, sums, cash, wattHours } from "../../lib/units";
import { UsageRows } from "./Invoice";

export default function Usage() {
  const { identity } = useSession();
  const [search, setSearch] = useSearchParams();
  const usage = useRead<Schemas["UsageList"]>("/v1/usage", {}, { topics: ["accounts", "jobs"], every: 5000 });
  const budgets = useRead<Schemas["BudgetList"]>("/v1/budgets", {}, { topics: ["accounts", "jobs"], every: 5000 });
  const accounts = may(identity, "read-accounts");
  const months = useRead<Schemas["MonthList"]>("/v1/months", {}, { topics: ["accounts"], every: 10_000, enabled: accounts });
  const month = search.get("month") ?? new Date().toISOString().slice(0, 7);
  const rows = useAll<Schemas["UsageRow"]>("/v1/usage/rows", { month }, { topics: ["accounts"], every: 10_000, most: 20_000 });
  return (
    <div className="page">
      <Head title="Usage and budgets" sub={months.data ? `Open: ${months.data.items.filter(({ closed }) => !closed).map((one) => one.month).join(", ")}` : " "}>
        <label className="row"><span className="muted">Rows of</span><input className="input" type="month" style={{ width: 150 }} value={month} onChange={(event) => setSearch((now) => { now.set("month", event.target.value); return now; }, { replace: true })} /></label>
      </Head>
      <div className="stack">
        <Card title="Budgets of this month">
          <Loaded of={budgets} height={64}>
            {({ items }) => items.length === 0 ? <Empty title="No project has a budget">A project's spec may have one; at its end nothing new of the project starts.</Empty> : (
              <div className="stack">{items.map((row) => <div key={row.project} className="row" style={{ gap: 16 }}><span style={{ width: 220 }}>{row.project} {row.stopped && <Badge tone="bad">stopped</Badge>}</span><span style={{ flex: 1 }}><Meter label={row.project} value={money(row.spent).value} of={money(row.budget).value} /></span><span style={{ width: 260 }} className="num">{row.spent} of {row.budget}</span></div>)}</div>
            )}
          </Loaded>
        </Card>
        <Loaded of={usage} height={120}>
          {({ items }) => (
            <Table name="projects" title="Ended work by project" rows={items} id={({ project, usage: u }) => `${project} ${money(u.cost).currency}`} empty={<Empty title="Nothing has ended yet" />} columns={[
              { key: "project", label: "Project", value: ({ project }) => project, width: "minmax(180px, 2fr)" },
              { key: "time", label: "GPU time", right: true, value: ({ usage: u }) => quantity(u.gpuTime), show: ({ usage: u }) => gpuHours(quantity(u.gpuTime)) },
              { key: "energy", label: "Energy", right: true, value: ({ usage: u }) => quantity(u.energy), show: ({ usage: u }) => wattHours(quantity(u.energy)) },
              { key: "carbon", label: "CO₂", right: true, value: ({ usage: u }) => quantity(u.carbon), show: ({ usage: u }) => mass(quantity(u.carbon)) },
              { key: "cost", label: "Cost by GPU time", right: true, value: ({ usage: u }) => money(u.cost).value, show: ({ usage: u }) => cash(money(u.cost)) },
              { key: "power", label: "Energy by the sites' prices", right: true, value: ({ usage: u }) => sums(u.energyCost ?? [])[0]?.value, show: ({ usage: u }) => sums(u.energyCost ?? []).map((amount) => cash(amount)).join(" + ") || "–", width: "minmax(180px, 1fr)" },
            ]} />
          )}
        </Loaded>
        {rows.error && !rows.data ? <Problem error={rows.error} retry={() => void rows.refetch()} /> : <UsageRows rows={rows.data} title={`Rows of ${month}`} />}
      </div>
    </div>
  );
}
