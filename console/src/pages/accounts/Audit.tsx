// Who changed what, when, why and from where.
import { useState } from "react";
import { useAll } from "../../api/read";
import type { Schemas } from "../../api/types";
import { Drawer, Facts, Head, Problem } from "../../design/parts";
import { Table } from "../../design/Table";
import { moment } from "../../lib/time";
import { count } from "../../lib/units";

type Entry = Schemas["AuditEntry"];
const objects = ({ entry }: Entry) => entry.objects.map((one) => `${one.kind} ${one.name}`).join(", ") + (entry.more ? ` and ${entry.more} more` : "");

export default function Audit() {
  const read = useAll<Entry>("/v1/audit", {}, { topics: ["objects", "access", "jobs", "accounts"], every: 5000, most: 2000 });
  const [open, setOpen] = useState<Entry | null>(null);
  if (read.error && !read.data) return <div className="page"><Problem error={read.error} retry={() => void read.refetch()} /></div>;
  return (
    <div className="page">
      <Head title="Audit log" sub="The newest first" />
      <Table name="audit" title="Entries" rows={read.data} id={({ position }) => String(position)} select={setOpen} sort="-position" columns={[
        { key: "position", label: "Position", right: true, value: ({ position }) => position, show: ({ position }) => count(position), width: "100px" },
        { key: "at", label: "When", value: ({ at }) => at, show: ({ at }) => moment(at), width: "160px" },
        { key: "who", label: "Who", value: ({ entry, by }) => entry.principal || entry.who || by, width: "minmax(140px, 1fr)" },
        { key: "operation", label: "What", value: ({ entry }) => entry.operation, width: "150px" },
        { key: "objects", label: "Of", value: objects, width: "minmax(240px, 3fr)" },
        { key: "tenant", label: "Tenant", value: ({ entry }) => entry.tenant, width: "120px" },
        { key: "reason", label: "Why", value: ({ entry }) => entry.reason, width: "minmax(140px, 1fr)" },
        { key: "from", label: "From", value: ({ entry }) => entry.from, width: "130px" },
      ]} />
      {open && (
        <Drawer title={`${open.entry.operation}, ${moment(open.at)} UTC`} close={() => setOpen(null)}>
          <Facts of={[["Who", open.entry.who], ["Principal", open.entry.principal], ["Token", open.by], ["Tenant", open.entry.tenant], ["From", open.entry.from], ["Why", open.entry.reason], ["Position", count(open.position)]]} />
          {open.entry.objects.map((one) => (
            <section key={`${one.kind} ${one.name}`}>
              <h3>{one.kind} {one.name}: {one.change}</h3>
              <pre className="mono" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{JSON.stringify({ before: one.before, after: one.after }, null, 2)}</pre>
            </section>
          ))}
        </Drawer>
      )}
    </div>
  );
}
