// One contract: its ramp and its use over time, where it lies in the book, its terms.
import { useMemo } from "react";
import { useParams } from "react-router-dom";
import { named } from "../../api/client";
import { useAll, useRead } from "../../api/read";
import type { Book, Job, Schemas } from "../../api/types";
import { Chart } from "../../design/Chart";
import { Card, Empty, Head, Loaded } from "../../design/parts";
import { date, ms } from "../../lib/time";
import { count, quantity } from "../../lib/units";
import { BookEntry } from "./Entry";
import { rampAt, type Contract } from "./Contracts";

type Row = Schemas["UsageRow"];

/** GPUs that were held, as steps: by rows of usage, and by live work since its last row. */
function steps(rows: Row[], live: Job[], now: number): { times: number[]; gpus: number[] } {
  const changes = new Map<number, number>();
  const told = new Map<string, number>();
  const add = (from: number, to: number, gpus: number) => {
    changes.set(from, (changes.get(from) ?? 0) + gpus);
    changes.set(to, (changes.get(to) ?? 0) - gpus);
  };
  for (const { usage } of rows) {
    add(ms(usage.from), ms(usage.to), quantity(usage.gpus as string));
    told.set(usage.allocation, Math.max(told.get(usage.allocation) ?? 0, ms(usage.to)));
  }
  for (const { status: { allocation } } of live) {
    if (allocation) add(told.get(allocation.uid) ?? ms(allocation.from), now + 1, quantity(allocation.gpus as string));
  }
  const times = [...changes.keys()].sort((a, b) => a - b);
  let sum = 0;
  return { times, gpus: times.map((at) => (sum += changes.get(at)!)) };
}

function Ramp({ contract, rows, live }: { contract: Contract; rows: Row[]; live: Job[] }) {
  const { spec } = contract;
  const chart = useMemo(() => {
    const now = Date.now();
    const used = steps(rows, live, now);
    const from = Math.min(now, ...(spec.ramp ?? []).map((step) => ms(step.from)), ...used.times);
    const to = spec.until ? ms(spec.until) : Math.max(now, ...(spec.ramp ?? []).map((step) => ms(step.from))) + 180 * 86400e3;
    const times = [...new Set([from, ...(spec.ramp ?? []).map((step) => ms(step.from)), ...used.times, now, to])].sort((a, b) => a - b);
    let at = 0;
    const use = times.map((time) => {
      while (at < used.times.length && used.times[at] <= time) at++;
      return time > now ? null : at === 0 ? 0 : used.gpus[at - 1];
    });
    return { times, series: [
      ...(spec.ramp ? [{ label: "Ramp", color: "--ink-3", step: true, values: times.map((time) => rampAt(spec, time) ?? 0) }] : []),
      { label: "Held", color: "--bar", step: true, fill: true, values: use },
    ] };
  }, [spec, rows, live]);
  return <Chart label="Ramp and use over time" times={chart.times} series={chart.series} format={count} height={240} />;
}

export default function ContractPage() {
  const { tenant, contract: leaf } = useParams();
  const name = `${tenant}/${leaf}`;
  const read = useRead<Contract>(named("/v1/contracts", name), {}, { topics: ["objects", "contracts"], every: 5000 });
  const book = useRead<Book>("/v1/book", {}, { topics: ["contracts", "objects"], every: 15_000 });
  const rows = useAll<Row>("/v1/usage/rows", { contract: name }, { topics: ["accounts"], every: 30_000, most: 20_000 });
  const jobs = useAll<Job>("/v1/jobs", { tenant, phase: "live" }, { topics: ["jobs"], every: 10_000 });
  const live = useMemo(() => jobs.data?.filter(({ status }) => status.contract === name) ?? [], [jobs.data, name]);
  return (
    <div className="page">
      <Loaded of={read} height={400}>
        {(contract) => {
          const entry = book.data?.contracts.find((one) => one.contract === name);
          return (
            <>
              <Head title={name} sub={`${contract.spec.class}, ${contract.spec.pricePerGpuHour} a GPU hour${contract.spec.from ? `, from ${date(contract.spec.from)}` : ""}${contract.spec.until ? ` until ${date(contract.spec.until)}` : ""}`} />
              <div className="stack">
                <Card title="Ramp and use"><Loaded of={rows} height={270}>{(list) => <Ramp contract={contract} rows={list} live={live} />}</Loaded></Card>
                <Card title="In the book"><Loaded of={book} height={120}>{() => (entry ? <BookEntry entry={entry} /> : <Empty title="It keeps no GPUs">Only reserved contracts with a ramp lie in the book.</Empty>)}</Loaded></Card>
                <Card title="Terms"><pre className="mono" style={{ maxHeight: 420, overflow: "auto" }} tabIndex={0}>{JSON.stringify(contract.spec, null, 2)}</pre></Card>
              </div>
            </>
          );
        }}
      </Loaded>
    </div>
  );
}
