// One invoice, and the rows of usage that a line is made of.
import { useState } from "react";
import { Link, useParams } from "react-router-dom";
import { useAll, useRead } from "../../api/read";
import type { Schemas } from "../../api/types";
import { Card, Drawer, Facts, Head, Loaded, Problem } from "../../design/parts";
import { Table } from "../../design/Table";
import { date, moment } from "../../lib/time";
import { gpuHours, mass, money, quantity, wattHours } from "../../lib/units";

type Line = Schemas["InvoiceLine"];
type Row = Schemas["UsageRow"];

export function UsageRows({ rows, title }: { rows: Row[] | undefined; title: string }) {
  return (
    <Table name="rows" title={title} rows={rows} id={({ position }) => String(position)} to={({ usage }) => `/jobs/${usage.workload}`} sort="from" height="calc(100dvh - 220px)" columns={[
      { key: "job", label: "Workload", value: ({ usage }) => usage.workload, show: ({ usage }) => <Link className="link" to={`/jobs/${usage.workload}`}>{usage.workload}</Link>, width: "minmax(180px, 2fr)" },
      { key: "contract", label: "Contract", value: ({ usage }) => usage.contract, width: "minmax(120px, 1fr)" },
      { key: "model", label: "Model", value: ({ usage }) => usage.gpuModel, width: "90px" }, { key: "site", label: "Site", value: ({ usage }) => usage.site, width: "120px" },
      { key: "from", label: "From", value: ({ usage }) => usage.from, show: ({ usage }) => moment(usage.from), width: "160px" },
      { key: "to", label: "To", value: ({ usage }) => usage.to, show: ({ usage }) => moment(usage.to), width: "160px" },
      { key: "time", label: "GPU time", right: true, value: ({ usage }) => quantity(usage.gpuTime), show: ({ usage }) => gpuHours(quantity(usage.gpuTime)), width: "110px" },
      { key: "energy", label: "Energy", right: true, value: ({ usage }) => quantity(usage.energy), show: ({ usage }) => wattHours(quantity(usage.energy)), width: "100px" },
      { key: "cost", label: "Cost", right: true, value: ({ usage }) => money(usage.cost).value, show: ({ usage }) => usage.cost, width: "120px" },
    ]} />
  );
}

function Made({ line, month, tenant, close }: { line: Line; month: string; tenant: string; close: () => void }) {
  const rows = useAll<Row>("/v1/usage/rows", { month, tenant, contract: line.contract, project: line.project || undefined }, { most: 20_000 });
  const mine = rows.data?.filter(({ usage }) => (!line.gpuModel || usage.gpuModel === line.gpuModel) && (!line.site || usage.site === line.site));
  return <Drawer title={`Usage behind ${line.kind} of ${line.contract}`} close={close}>{rows.error ? <Problem error={rows.error} /> : <UsageRows rows={mine} title="Rows of usage" />}</Drawer>;
}

export default function InvoicePage() {
  const { invoice = "" } = useParams();
  const read = useRead<Schemas["Invoice"]>(`/v1/invoices/${invoice}`);
  const [open, setOpen] = useState<Line | null>(null);
  return (
    <div className="page">
      <Loaded of={read} height={400}>
        {(data) => (
          <>
            <Head title={`Invoice ${data.name}`} sub={`${data.tenant}, ${data.month}: ${date(data.from)} to ${date(data.to)}`} />
            <div className="stack">
              <Table name="lines" title="Lines" rows={data.lines.map((line, at) => ({ ...line, at }))} id={({ at }) => String(at)} select={(line) => (line.rows ? setOpen(line) : undefined)} columns={[
                { key: "kind", label: "Kind", value: ({ kind }) => kind, width: "130px" }, { key: "contract", label: "Contract", value: ({ contract }) => contract, width: "minmax(140px, 1fr)" },
                { key: "project", label: "Project", value: ({ project }) => project, width: "minmax(110px, 1fr)" }, { key: "what", label: "Model and site", value: ({ gpuModel, site }) => [gpuModel, site].filter(Boolean).join(" at "), width: "minmax(120px, 1fr)" },
                { key: "time", label: "GPU time", right: true, value: ({ gpuTime }) => (gpuTime ? quantity(gpuTime) : undefined), show: ({ gpuTime }) => (gpuTime ? gpuHours(quantity(gpuTime)) : "–"), width: "120px" },
                { key: "energy", label: "Energy", right: true, value: ({ energy }) => (energy ? quantity(energy) : undefined), show: ({ energy }) => (energy ? wattHours(quantity(energy)) : "–"), width: "110px" },
                { key: "carbon", label: "CO₂", right: true, value: ({ carbon }) => (carbon ? quantity(carbon) : undefined), show: ({ carbon }) => (carbon ? mass(quantity(carbon)) : "–"), width: "90px" },
                { key: "price", label: "Price", right: true, value: ({ price }) => price, width: "110px" },
                { key: "amount", label: "Amount", right: true, value: ({ amount }) => money(amount).value, show: ({ amount }) => amount, width: "140px" },
                { key: "rows", label: "Usage", right: true, value: ({ rows }) => rows, show: (line) => (line.rows ? <button type="button" className="button quiet" style={{ height: 24 }} onClick={() => setOpen(line)}>{line.rows} rows</button> : ""), width: "100px" },
                { key: "note", label: "Note", value: ({ note }) => note, width: "minmax(120px, 1.5fr)" },
              ]} />
              <Card title="Sum"><Facts of={[["Subtotal", data.subtotal], ["Tax", data.taxAmount], ["Total", <b key="t">{data.total}</b>], ["Received", data.received], ["From what is prepaid", data.prepaid], ["Due", <b key="d">{data.due}</b>]]} /></Card>
            </div>
            {open && <Made line={open} month={data.month} tenant={data.tenant} close={() => setOpen(null)} />}
          </>
        )}
      </Loaded>
    </div>
  );
}
