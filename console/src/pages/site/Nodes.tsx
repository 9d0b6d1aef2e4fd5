// A table of nodes: of a site, a rack, or in one state.
import { useAll } from "../../api/read";
import type { Node } from "../../api/types";
import { Badge, Problem, type Tone } from "../../design/parts";
import { Table } from "../../design/Table";
import { count, quantity, watts } from "../../lib/units";
import { moment } from "../../lib/time";

/// Of a status such as `ready`, `ready,lost` or `repair,overdue`.
export const nodeTone = (status: string): Tone =>
  status === "ready" ? "ok" : /lost|repair/.test(status) ? "bad" : /suspect|draining|burn-in|cordoned/.test(status) ? "warn" : "hollow";

export function Nodes({ site, rack, amiss, title = "Nodes" }: { site?: string; rack?: string; amiss?: boolean; title?: string }) {
  const nodes = useAll<Node>("/v1/nodes", { site, rack, amiss: amiss ? "1" : undefined }, { topics: ["nodes"], every: 5000 });
  if (nodes.error && !nodes.data) return <Problem error={nodes.error} retry={() => void nodes.refetch()} />;
  return (
    <Table name="nodes" title={title} rows={nodes.data} id={({ name }) => name} to={({ name }) => `/nodes/${name}`} columns={[
      { key: "name", label: "Node", value: ({ name }) => name, width: "minmax(220px, 2fr)" },
      { key: "state", label: "State", value: ({ status }) => status, show: ({ status }) => <Badge tone={nodeTone(status)}>{status}</Badge>, width: "160px" },
      { key: "type", label: "Type", value: ({ type }) => type, width: "minmax(140px, 1fr)" },
      { key: "model", label: "Model", value: ({ gpuModel }) => gpuModel, width: "100px" },
      { key: "gpus", label: "GPUs", value: (node) => node.gpus, right: true, width: "80px" },
      { key: "free", label: "Free", value: ({ gpusFree }) => gpusFree, right: true, width: "80px" },
      { key: "held", label: "Held", value: ({ gpusHeld }) => quantity(gpusHeld), show: ({ gpusHeld }) => count(quantity(gpusHeld)), right: true, width: "80px" },
      { key: "demand", label: "Demand", value: ({ demand }) => quantity(demand), show: ({ demand }) => watts(quantity(demand)), right: true, width: "100px" },
      { key: "max", label: "At most", value: ({ max }) => quantity(max), show: ({ max }) => watts(quantity(max)), right: true, width: "100px" },
      { key: "seen", label: "Last seen", value: ({ seen }) => seen, show: ({ seen }) => (seen ? moment(seen) : <span className="faint">–</span>), width: "160px" },
    ]} />
  );
}
