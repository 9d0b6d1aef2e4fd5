// Contracts: what is sold to whom, and what is missing of it.
import { Link } from "react-router-dom";
import { useAll, useRead } from "../../api/read";
import { may } from "../../api/rights";
import { useSession } from "../../api/session";
import type { Applied, Book, ContractSpec } from "../../api/types";
import { Badge, Head, Problem } from "../../design/parts";
import { Table } from "../../design/Table";
import { date, ms } from "../../lib/time";
import { count } from "../../lib/units";

export type Contract = Applied<ContractSpec>;

/** GPUs that the ramp gives at a time; nothing without a ramp. */
export const rampAt = (spec: ContractSpec, at: number) => (spec.ramp ? [...spec.ramp].reverse().find(({ from }) => ms(from) <= at)?.gpus ?? 0 : undefined);

export default function Contracts() {
  const { identity } = useSession();
  const read = useAll<Contract>("/v1/contracts", {}, { topics: ["objects", "contracts"], every: 5000 });
  const book = useRead<Book>("/v1/book", {}, { topics: ["contracts", "objects"], every: 15_000 });
  const now = Date.now();
  const entry = (name: string) => book.data?.contracts.find(({ contract }) => contract === name);
  if (read.error && !read.data) return <div className="page"><Problem error={read.error} retry={() => void read.refetch()} /></div>;
  return (
    <div className="page">
      <Head title="Contracts" sub={read.data ? `${count(read.data.length)} signed` : " "}>{may(identity, "read-estate") && <Link className="button primary" to="/quote">New quote</Link>}</Head>
      <Table name="contracts" title="Contracts" rows={read.data} id={({ metadata }) => metadata.name} to={({ metadata }) => `/contracts/${metadata.name}`} columns={[
        { key: "name", label: "Contract", value: ({ metadata }) => metadata.name, show: ({ metadata }) => <Link className="link" to={`/contracts/${metadata.name}`}>{metadata.name}</Link>, width: "minmax(180px, 1.5fr)" },
        { key: "class", label: "Class", value: ({ spec }) => spec.class, width: "100px" },
        { key: "models", label: "Models", value: ({ spec }) => (spec.gpuModels ?? ["any"]).join(", "), width: "minmax(120px, 1fr)" },
        { key: "now", label: "GPUs now", right: true, value: ({ spec }) => rampAt(spec, now), show: ({ spec }) => { const n = rampAt(spec, now); return n === undefined ? "no limit" : count(n); }, width: "100px" },
        { key: "most", label: "At most", right: true, value: ({ spec }) => spec.ramp && Math.max(...spec.ramp.map(({ gpus }) => gpus)), show: ({ spec }) => (spec.ramp ? count(Math.max(...spec.ramp.map(({ gpus }) => gpus))) : "no limit"), width: "100px" },
        { key: "state", label: "In the book", value: ({ metadata }) => (entry(metadata.name)?.missing ?? []).length, show: ({ metadata }) => { const found = entry(metadata.name); const missing = found?.missing ?? []; return !found ? <span className="faint">–</span> : missing.length ? <Badge tone="bad">{count(Math.max(...missing.map(({ gpus }) => gpus)))} missing</Badge> : <Badge tone="ok">all there</Badge>; }, width: "130px" },
        { key: "price", label: "A GPU hour", right: true, value: ({ spec }) => Number(spec.pricePerGpuHour.split(" ")[0]), show: ({ spec }) => spec.pricePerGpuHour, width: "110px" },
        { key: "from", label: "From", value: ({ spec }) => spec.from && ms(spec.from), show: ({ spec }) => date(spec.from), width: "110px" },
        { key: "until", label: "Until", value: ({ spec }) => spec.until && ms(spec.until), show: ({ spec }) => (spec.until ? date(spec.until) : "–"), width: "110px" },
        { key: "sites", label: "Sites", value: ({ spec }) => (spec.sites ?? ["all"]).join(", "), width: "minmax(140px, 1fr)" },
      ]} />
    </div>
  );
}
