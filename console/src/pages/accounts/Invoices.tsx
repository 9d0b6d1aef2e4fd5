// Invoices of closed months.
import { Link } from "react-router-dom";
import { useAll } from "../../api/read";
import type { Schemas } from "../../api/types";
import { Empty, Head, Problem } from "../../design/parts";
import { Table } from "../../design/Table";
import { money } from "../../lib/units";

export default function Invoices() {
  const read = useAll<Schemas["Invoice"]>("/v1/invoices", {}, { topics: ["accounts"], every: 10_000 });
  if (read.error && !read.data) return <div className="page"><Problem error={read.error} retry={() => void read.refetch()} /></div>;
  const amount = (key: "subtotal" | "taxAmount" | "total" | "due", label: string) => ({ key, label, right: true, value: (one: Schemas["Invoice"]) => money(one[key]).value, show: (one: Schemas["Invoice"]) => one[key], width: "minmax(130px, 1fr)" });
  return (
    <div className="page">
      <Head title="Invoices" sub="Of months that are closed" />
      <Table name="invoices" title="Invoices" rows={read.data} id={({ name }) => name} to={({ name }) => `/invoices/${name}`} sort="-month" empty={<Empty title="No invoice yet">They are issued when a month is closed.</Empty>} columns={[
        { key: "name", label: "Invoice", value: ({ name }) => name, show: ({ name }) => <Link className="link" to={`/invoices/${name}`}>{name}</Link>, width: "minmax(160px, 1.2fr)" },
        { key: "tenant", label: "Tenant", value: ({ tenant }) => tenant }, { key: "month", label: "Month", value: ({ month }) => month, width: "100px" },
        { key: "lines", label: "Lines", right: true, value: ({ lines }) => lines.length, width: "80px" },
        amount("subtotal", "Subtotal"), amount("taxAmount", "Tax"), amount("total", "Total"), amount("due", "Due"),
      ]} />
    </div>
  );
}
