// All sites.
import { useRead } from "../../api/read";
import type { Overview } from "../../api/types";
import { Head, Loaded } from "../../design/parts";
import { Table } from "../../design/Table";
import { siteColumns } from "../overview/columns";

export default function Sites() {
  const read = useRead<Overview>("/v1/overview", {}, { topics: ["jobs", "nodes", "power", "objects"], every: 2000 });
  return (
    <div className="page">
      <Head title="Sites" />
      <Loaded of={read} height={400}>
        {(data) => <Table name="sites" title="Sites" rows={data.sites} columns={siteColumns} id={({ site }) => site} to={({ site }) => `/sites/${site}`} sort="-gpus" />}
      </Loaded>
    </div>
  );
}
