// The fleet: what is above a limit, nodes that cannot take work, and the calendar of what restricts.
import { Link } from "react-router-dom";
import { useRead } from "../../api/read";
import type { Overview } from "../../api/types";
import { Badge, Card, Empty, Head, Loaded } from "../../design/parts";
import { Table } from "../../design/Table";
import { count, percent } from "../../lib/units";
import { Nodes } from "../site/Nodes";
import { Restrictions } from "./Restrictions";

export default function Fleet() {
  const read = useRead<Overview>("/v1/overview", {}, { topics: ["nodes", "power", "objects"], every: 2000 });
  return (
    <div className="page">
      <Loaded of={read} height={400}>
        {({ sites }) => {
          const broken = sites.flatMap((site) => (site.broken ?? []).map((row) => ({ site: site.site, ...row })));
          const nodes = sites.reduce((sum, site) => sum + site.nodes, 0);
          const ready = sites.reduce((sum, site) => sum + site.nodesReady, 0);
          const restricted = sites.reduce((sum, site) => sum + (site.restrictions ?? []).length, 0);
          return (
            <>
              <Head title="Fleet" sub={`${count(ready)} of ${count(nodes)} nodes can take work · ${count(restricted)} restrictions in force · ${count(broken.length)} above a limit`} />
              <div className="stack">
                {broken.length > 0 ? (
                  <Table name="broken" title="Above a limit" rows={broken} id={(row) => `${row.row} ${row.contingency}`} to={(row) => `/sites/${row.site}/power`} sort="-part" columns={[
                    { key: "site", label: "Site", value: (row) => row.site, show: (row) => <Link className="link" to={`/sites/${row.site}/power`}>{row.site}</Link>, width: "160px" },
                    { key: "row", label: "Limit", value: (row) => row.row, show: (row) => <Badge tone="bad">{row.row}</Badge>, width: "minmax(200px, 2fr)" },
                    { key: "after", label: "After the loss of", value: (row) => row.contingency || "nothing", width: "minmax(160px, 2fr)" },
                    { key: "part", label: "Load", value: (row) => row.load / row.limit, show: (row) => percent(row.load / row.limit, 1), right: true, width: "100px" },
                  ]} />
                ) : null}
                {ready < nodes ? <Nodes amiss title="Nodes that are not simply at work" /> : <Card title="Nodes"><Empty title="All nodes can take work">A node whose lease runs out appears here.</Empty></Card>}
                <Restrictions />
              </div>
            </>
          );
        }}
      </Loaded>
    </div>
  );
}
