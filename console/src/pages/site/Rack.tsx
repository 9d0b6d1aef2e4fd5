// A rack as it stands: its nodes from the top down, and what it holds.
import { Link, useParams } from "react-router-dom";
import { useAll, useRead } from "../../api/read";
import type { Floor, Node } from "../../api/types";
import { Badge, Card, Empty, Facts, Head, Loaded } from "../../design/parts";
import { date } from "../../lib/time";
import { count, percent, quantity, watts } from "../../lib/units";
import { Nodes } from "./Nodes";

/** One mark for each GPU. */
export function Pips({ node }: { node: Node }) {
  const held = Math.floor(quantity(node.gpusHeld));
  const shared = quantity(node.gpusHeld) % 1 > 0 || node.gpus - node.gpusFree > held ? 1 : 0;
  return (
    <span className="pips" role="img" aria-label={`${node.gpusFree} of ${node.gpus} GPUs free`}>
      {[...Array(node.gpus)].map((_, i) => <i key={i} className={node.status !== "ready" ? "out" : i < held ? "held" : i < held + shared ? "shared" : ""} />)}
    </span>
  );
}

export default function RackPage() {
  const { site = "", hall = "", rack = "" } = useParams();
  const name = `${site}/${hall}/${rack}`;
  const floor = useRead<Floor>(`/v1/sites/${site}/floor`, {}, { topics: ["jobs", "nodes", "power"], every: 2000 });
  const nodes = useAll<Node>("/v1/nodes", { rack: name }, { topics: ["nodes"], every: 2000 });
  const row = floor.data?.halls.find((one) => one.name === hall)?.rows.find(({ racks }) => racks.some((one) => one.name === rack));
  const found = row?.racks.find((one) => one.name === rack);
  const place = row?.racks.findIndex((one) => one.name === rack) ?? -1;
  if (floor.data && !found) return <div className="page"><Empty title={`There is no rack ${name}`}><Link className="link" to={`/sites/${site}`}>The floor of {site}</Link></Empty></div>;
  const beside = (step: number) => row?.racks[place + step]?.name;
  return (
    <div className="page">
      <Head title={`Rack ${rack}`} sub={`${site}, hall ${hall}${row ? `, row ${row.name}, place ${place + 1} of ${row.racks.length}` : ""}`}>
        {beside(-1) && <Link className="button" to={`/racks/${site}/${hall}/${beside(-1)}`}>← {beside(-1)}</Link>}
        {beside(1) && <Link className="button" to={`/racks/${site}/${hall}/${beside(1)}`}>{beside(1)} →</Link>}
      </Head>
      <div className="row" style={{ alignItems: "flex-start", gap: 12 }}>
        <Loaded of={nodes} height={480}>
          {(list) => list.length === 0 ? <Card><Empty title="No nodes in this rack" /></Card> : (
            <div className="elevation">
              {[...list].reverse().map((node) => (
                <Link key={node.name} to={`/nodes/${node.name}`}><span>{node.name.split("/").pop()}</span><Pips node={node} /><span className="faint">{watts(quantity(node.demand))}</span></Link>
              ))}
            </div>
          )}
        </Loaded>
        <div className="stack" style={{ flex: 1, minWidth: 0 }}>
          <Loaded of={floor} height={200}>
            {() => found && (
              <Card title="Rack">
                <Facts of={[
                  ["State", found.from ? <Badge tone="hollow">ready from {date(found.from)}</Badge> : found.dark ? <Badge tone="bad">dark: no live feed</Badge> : found.unready ? <Badge tone="warn">{count(found.unready)} nodes out</Badge> : <Badge tone="ok">all nodes ready</Badge>],
                  ["Nodes", `${count(found.nodes ?? 0)} of type ${found.type ?? "–"}`],
                  ["GPUs", `${count(found.gpus ?? 0)}, ${count(found.free ?? 0)} free`],
                  ["Power", `${watts(quantity(found.draw))} of ${watts(quantity(found.max))} (${percent(quantity(found.draw) / (quantity(found.max) || 1))}), idle power included`],
                  ["Held under", (found.holders ?? []).length ? (found.holders ?? []).map(({ contract, gpus }) => <div key={contract}><Link className="link" to={`/contracts/${contract}`}>{contract}</Link> {gpus} GPUs</div>) : "nothing"],
                ]} />
              </Card>
            )}
          </Loaded>
          <Nodes rack={name} />
        </div>
      </div>
    </div>
  );
}
