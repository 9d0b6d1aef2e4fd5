// Where a contract lies in the book, and what is missing of it.
import type { Schemas } from "../../api/types";
import { Badge, Facts } from "../../design/parts";
import { Table } from "../../design/Table";
import { date, ms } from "../../lib/time";
import { count, percent } from "../../lib/units";

export function BookEntry({ entry }: { entry: Schemas["BookEntry"] }) {
  return (
    <div className="stack">
      <Facts of={[
        ["Sold", `${count(entry.sold)} GPUs at most`], ["Options", entry.promised ? `${count(entry.promised)} GPUs more` : undefined],
        ["Missing", (entry.missing ?? []).length === 0 ? <Badge tone="ok">nothing</Badge> : (entry.missing ?? []).map((one) => <div key={one.from}><Badge tone="bad">{count(one.gpus)} GPUs</Badge> from {date(one.from)}{one.until ? ` until ${date(one.until)}` : ""}{one.spare ? ", as spares" : ""}: {one.boundBy}</div>)],
        ["Nearest limits", (entry.nearest ?? []).length ? (entry.nearest ?? []).slice(0, 6).map((use, i) => <div key={i}>{use.row} <b>{percent(use.load / use.limit, 1)}</b> <span className="muted">{use.contingency ? `after the loss of ${use.contingency}, ` : ""}from {date(use.from)}</span></div>) : undefined],
      ]} />
      <Table name="lots" title="Where it lies" rows={entry.lots} id={(lot) => `${lot.site} ${lot.gpuModel} ${lot.from} ${lot.spare} ${lot.racks[0]}`} sort="from" columns={[
        { key: "site", label: "Site", value: (lot) => lot.site }, { key: "model", label: "Model", value: (lot) => lot.gpuModel, width: "90px" },
        { key: "kind", label: "For", value: (lot) => (lot.spare ? "spares" : "work"), width: "80px" },
        { key: "gpus", label: "GPUs", value: (lot) => lot.gpus, show: (lot) => count(lot.gpus), right: true, width: "90px" },
        { key: "nodes", label: "Nodes", value: (lot) => lot.nodes, show: (lot) => count(lot.nodes), right: true, width: "90px" },
        { key: "from", label: "From", value: (lot) => ms(lot.from), show: (lot) => date(lot.from), width: "120px" },
        { key: "until", label: "Until", value: (lot) => (lot.until ? ms(lot.until) : undefined), show: (lot) => (lot.until ? date(lot.until) : "–"), width: "120px" },
        { key: "racks", label: "Racks", value: (lot) => lot.racks.join(", "), width: "minmax(160px, 2fr)" },
      ]} />
    </div>
  );
}
