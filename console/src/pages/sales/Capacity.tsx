// Capacity in time: GPUs sold, promised and delivered by month, against phases of power.
import { useMemo } from "react";
import { useSearchParams } from "react-router-dom";
import { useAll, useRead } from "../../api/read";
import type { Applied, Book, Overview, SiteSpec } from "../../api/types";
import { Chart } from "../../design/Chart";
import { Card, Head, Loaded } from "../../design/parts";
import { Table } from "../../design/Table";
import { month, ms } from "../../lib/time";
import { count, quantity, watts } from "../../lib/units";

interface Month { at: number; delivered: number; sold: number; spare: number; available: number; energised: number; contracted: number }

function monthsOf(overview: Overview, book: Book, specs: Applied<SiteSpec>[], site: string, model: string): Month[] {
  const now = new Date(Math.max(ms(overview.at), ms(book.asOf)));
  const sites = overview.sites.filter((one) => !site || one.site === site);
  const lots = book.contracts.flatMap(({ lots: of }) => of).filter((lot) => (!site || lot.site === site) && (!model || lot.gpuModel === model));
  const out: Month[] = [];
  for (let i = 0; i < 36; i++) {
    const at = i === 0 ? now.getTime() : Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + i, 1);
    const holds = (lot: { from: string; until?: string | null }) => ms(lot.from) <= at && (!lot.until || at < ms(lot.until));
    const delivered = sites.reduce((sum, one) => sum
      + one.gpus.filter((row) => !model || row.model === model).reduce((all, row) => all + row.delivered, 0)
      + (one.deliveries ?? []).filter((row) => (!model || row.model === model) && ms(row.at) <= at).reduce((all, row) => all + row.gpus, 0), 0);
    const sum = (spare: boolean) => lots.filter((lot) => Boolean(lot.spare) === spare && holds(lot)).reduce((all, lot) => all + lot.gpus, 0);
    const grids = specs.filter(({ metadata }) => !site || metadata.name === site).map(({ spec }) => spec.grid);
    const energised = grids.reduce((all, grid) => {
      if (!grid) return all;
      const phase = grid.phases && [...grid.phases].reverse().find(({ from }) => ms(from) <= at);
      return all + quantity(grid.phases ? phase?.energised : grid.contracted);
    }, 0);
    const [sold, spare] = [sum(false), sum(true)];
    out.push({ at, delivered, sold, spare, available: Math.max(0, delivered - sold - spare), energised, contracted: grids.reduce((all, grid) => all + quantity(grid?.contracted), 0) });
  }
  return out;
}

export default function Capacity() {
  const [search, setSearch] = useSearchParams();
  const overview = useRead<Overview>("/v1/overview", {}, { topics: ["objects"], every: 10_000 });
  const book = useRead<Book>("/v1/book", {}, { topics: ["contracts", "objects"], every: 15_000 });
  const specs = useAll<Applied<SiteSpec>>("/v1/sites", {}, { topics: ["objects"], every: 30_000 });
  const site = search.get("site") ?? "";
  const model = search.get("model") ?? "";
  const put = (key: string) => (event: React.ChangeEvent<HTMLSelectElement>) => setSearch((now) => { if (event.target.value) now.set(key, event.target.value); else now.delete(key); return now; }, { replace: true });
  const months = useMemo(() => (overview.data && book.data && specs.data ? monthsOf(overview.data, book.data, specs.data, site, model) : null), [overview.data, book.data, specs.data, site, model]);
  const charts = useMemo(() => months && {
    times: months.map(({ at }) => at),
    gpus: [
      { label: "Delivered", color: "--ink-3", step: true, values: months.map((m) => m.delivered) },
      { label: "Sold and spares", color: "--warn", step: true, dash: true, values: months.map((m) => m.sold + m.spare) },
      { label: "Sold", color: "--bar", step: true, fill: true, values: months.map((m) => m.sold) },
    ],
    power: [
      { label: "Contracted", color: "--ink-3", dash: true, step: true, values: months.map((m) => m.contracted) },
      { label: "Energised", color: "--bar", step: true, fill: true, values: months.map((m) => m.energised) },
    ],
  }, [months]);
  const all = overview.data?.sites ?? [];
  const models = [...new Set(all.flatMap((one) => [...one.gpus.map((row) => row.model), ...(one.deliveries ?? []).map((row) => row.model)]))].sort();
  const promised = book.data?.contracts.reduce((sum, entry) => sum + entry.promised, 0) ?? 0;
  return (
    <div className="page">
      <Head title="Capacity in time" sub={months ? `${count(months[0].available)} GPUs available now; ${count(promised)} promised by options` : " "}>
        <select className="input" style={{ width: 160 }} aria-label="Site" value={site} onChange={put("site")}><option value="">All sites</option>{all.map((one) => <option key={one.site}>{one.site}</option>)}</select>
        <select className="input" style={{ width: 140 }} aria-label="GPU model" value={model} onChange={put("model")}><option value="">All models</option>{models.map((one) => <option key={one}>{one}</option>)}</select>
      </Head>
      <Loaded of={overview}>{() => <Loaded of={book}>{() => <Loaded of={specs} height={300}>{() => months && charts && (
        <div className="stack">
          <div className="halves">
            <Card title="GPUs by month"><Chart label="GPUs sold and delivered by month" times={charts.times} series={charts.gpus} format={count} /></Card>
            <Card title="Power by month"><Chart label="Power contracted and energised by month" times={charts.times} series={charts.power} format={watts} /></Card>
          </div>
          <Table name="months" title="Month by month" rows={months} id={({ at }) => String(at)} columns={[
            { key: "month", label: "Month", value: (m) => m.at, show: (m) => month(m.at) },
            { key: "delivered", label: "Delivered", right: true, value: (m) => m.delivered, show: (m) => count(m.delivered) },
            { key: "sold", label: "Sold", right: true, value: (m) => m.sold, show: (m) => count(m.sold) },
            { key: "spare", label: "Spares", right: true, value: (m) => m.spare, show: (m) => count(m.spare) },
            { key: "available", label: "Available", right: true, value: (m) => m.available, show: (m) => count(m.available) },
            { key: "energised", label: "Energised", right: true, value: (m) => m.energised, show: (m) => watts(m.energised) },
            { key: "contracted", label: "Contracted", right: true, value: (m) => m.contracted, show: (m) => watts(m.contracted) },
          ]} />
          <p className="faint">Delivered: halls that are there by then. Sold and spares: as the book lays signed contracts, in every phase and after any single loss. Whether more can be sold is for a quote to say: power may bind before nodes do.</p>
        </div>
      )}</Loaded>}</Loaded>}</Loaded>
    </div>
  );
}
