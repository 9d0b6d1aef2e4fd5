// One node: what it is, who holds its GPUs, what its agent told, and what the log says of it.
import { Link, useParams } from "react-router-dom";
import { useRead } from "../../api/read";
import type { Node } from "../../api/types";
import { Badge, Card, Empty, Facts, Head, Loaded } from "../../design/parts";
import { Table } from "../../design/Table";
import { moment } from "../../lib/time";
import { bytes, count, quantity, watts } from "../../lib/units";
import { nodeTone } from "./Nodes";
import { Pips } from "./Rack";

export default function NodePage() {
  const { site, hall, rack, node } = useParams();
  const read = useRead<Node>(`/v1/nodes/${site}/${hall}/${rack}/${node}`, {}, { topics: ["nodes", "jobs"], every: 1000 });
  return (
    <div className="page">
      <Loaded of={read} height={420}>
        {(data) => (
          <>
            <Head title={data.name} sub={<span className="row" style={{ gap: 16 }}><Badge tone={nodeTone(data.status)}>{data.status}</Badge><span>{data.type}</span><Pips node={data} /></span>} />
            <div className="stack">
              <div className="halves">
                <Card title="Node">
                  <Facts of={[
                    ["GPUs", `${count(data.gpus)} ${data.gpuModel}, ${count(data.gpusFree)} free, ${count(quantity(data.gpusHeld))} held`],
                    ["Cores free", String(data.cpuFree)],
                    ["Memory free", bytes(quantity(data.memoryFree))],
                    ["Demand", `${watts(quantity(data.demand))} of ${watts(quantity(data.max))} at most`],
                    ["Row", data.row], ["Country", data.country], ["Runtime", data.runtime],
                    ["Last seen", data.seen && moment(data.seen)],
                    ["Labels", Object.entries(data.labels ?? {}).map(([key, value]) => <span key={key} className="tag">{key}={String(value)}</span>)],
                  ]} />
                </Card>
                {data.agent && (
                  <Card title="What its agent told">
                    <Facts of={Object.entries(data.agent).filter(([, value]) => value !== null && typeof value !== "object").map(([key, value]) => [key, String(value)])} />
                  </Card>
                )}
              </div>
              <Table name="tasks" title="Who holds it" rows={data.tasks ?? []} id={(task) => `${task.workload} ${task.rank}`} to={(task) => `/jobs/${task.workload}`}
                empty={<Empty title="Nobody holds it" />} columns={[
                  { key: "job", label: "Workload", value: ({ workload }) => workload, show: ({ workload }) => <Link className="link" to={`/jobs/${workload}`}>{workload}</Link>, width: "minmax(200px, 3fr)" },
                  { key: "rank", label: "Rank", value: ({ rank: n }) => n, right: true, width: "100px" },
                  { key: "devices", label: "Devices", value: ({ devices }) => String(devices ?? "") },
                  { key: "gpus", label: "GPUs", value: ({ gpus }) => quantity(gpus), right: true, width: "100px" },
                ]} />
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}
