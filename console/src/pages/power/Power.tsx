// The one-line diagram of a site with loads and limits; what the loss of what is picked would do; limits over time.
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import { useRead } from "../../api/read";
import type { Applied, ElementPower, LossOutlook, Overview, SitePower, SiteSpec } from "../../api/types";
import { Chart } from "../../design/Chart";
import { Badge, Bar, Card, Empty, Facts, Loaded, Meter, Skeleton } from "../../design/parts";
import { Table } from "../../design/Table";
import { date, duration, moment, ms, span } from "../../lib/time";
import { cash, count, money, percent, quantity, watts } from "../../lib/units";
import { boxHeight, layOut, reach } from "./layers";

const leaf = (name: string) => name.slice(name.indexOf("/") + 1);

/** The fullest it would be: after its worst loss, or now. */
const used = (element: ElementPower) => (element.worst ? element.worst.load / element.worst.limit : quantity(element.load) / quantity(element.usable));
const colorOf = (part: number) => (part > 1 ? "var(--bad)" : part > 0.9 ? "var(--warn)" : "var(--bar)");

const causes: Record<string, string> = {
  phase: "Not energised or built yet", order: "Ordered off by the grid's operator", element: "An element's rating", pair: "A pair, after the loss of the other",
  cooling: "Cooling", supplies: "Power supplies of nodes", dark: "No live feed", space: "No node that could use it",
};

function OneLine({ power, picked, pick, restricted }: { power: SitePower; picked: string[]; pick: (name: string, more: boolean) => void; restricted: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(entry.contentRect.width));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  const elements = power.elements ?? [];
  const diagram = useMemo(() => layOut(elements, width), [elements, width]);
  const feedsOf = (name: string) => diagram.boxes.get(name)?.element.feeds ?? [];
  const up = reach(picked, feedsOf);
  const down = reach(picked, (name) => diagram.below.get(name) ?? []);
  const chosen = new Set(picked);
  const few = elements.length <= 90;
  const wire = (from: string, to: string) => {
    const [a, b] = [diagram.boxes.get(from), diagram.boxes.get(to)];
    if (!a || !b) return "";
    const [x0, y0, x1, y1] = [a.x + a.w / 2, a.y + boxHeight, b.x + b.w / 2, b.y];
    const mid = y0 + Math.min(18, (y1 - y0) / 2);
    return `M${x0} ${y0} V${mid} H${x1} V${y1}`;
  };
  return (
    <div className="oneline" ref={box}>
      {width > 0 && (
        <svg width={diagram.width} height={diagram.height} role="group" aria-label="One-line diagram">
          {diagram.layers.map(({ kinds, y }) => <text key={y} className="small" y={y + 19 - (kinds.length - 1) * 6}>{kinds.map((kind, i) => <tspan key={kind} x={10} dy={i ? 12 : 0}>{kind}</tspan>)}</text>)}
          {[...diagram.boxes.values()].flatMap(({ element }) => (element.feeds ?? []).map((feed) => {
            const hot = (up.has(feed) || chosen.has(feed)) && (up.has(element.name) || chosen.has(element.name)) && !down.has(feed);
            const under = (down.has(element.name)) && (down.has(feed) || chosen.has(feed));
            if (!few && !hot && !under) return null;
            return <path key={`${feed} ${element.name}`} className={`feed${hot ? " hot" : under ? " down" : ""}`} d={wire(feed, element.name)} />;
          }))}
          {[...diagram.boxes.values()].map(({ element, x, y, w }) => {
            const part = used(element);
            const now = quantity(element.load) / (quantity(element.usable) || 1);
            const dim = picked.length > 0 && !chosen.has(element.name) && !up.has(element.name) && !down.has(element.name);
            return (
              <g key={element.name} transform={`translate(${x} ${y})`}>
              <rect width={w} height={boxHeight} rx={3} fill="var(--surface)" />
              <g className={`el${chosen.has(element.name) ? " picked" : ""}${dim ? " dim" : ""}`}
                onClick={(event) => pick(leaf(element.name), event.shiftKey || event.ctrlKey || event.metaKey)}>
                <title>{`${element.name}\n${watts(quantity(element.load))} of ${watts(quantity(element.usable))} now${element.worst ? `\n${percent(part, 1)} after ${element.worst.contingency || "nothing"}` : ""}`}</title>
                <rect className="frame" width={w} height={boxHeight} rx={3} strokeDasharray={element.state === "live" ? undefined : "3 3"} />
                <rect x={1} y={boxHeight - 7} width={w - 2} height={6} fill="var(--track)" />
                <rect x={1} y={boxHeight - 7} width={Math.max(0, (w - 2) * Math.min(1, part))} height={6} fill="var(--bar-2)" />
                <rect x={1} y={boxHeight - 7} width={Math.max(0, (w - 2) * Math.min(1, now))} height={6} fill={element.state === "live" ? colorOf(part) : "var(--idle)"} />
                {w >= 60 && <text x={6} y={15} className={w < 92 ? "small" : undefined}>{leaf(element.name).length * 6 > w - 12 ? `${leaf(element.name).slice(0, Math.floor((w - 16) / 6))}…` : leaf(element.name)}</text>}
                {w >= 150 && <text x={w - 6} y={15} textAnchor="end" className="small">{watts(quantity(element.load))}</text>}
                {w < 60 && w >= 34 && <text x={w / 2} y={15} textAnchor="middle" className="small">{percent(part).replace(" ", "")}</text>}
                {element.state !== "live" && <rect width={w} height={3} rx={1} fill={restricted ? "var(--bad)" : "var(--idle)"} />}
              </g>
              </g>
            );
          })}
        </svg>
      )}
    </div>
  );
}

function Racks({ names, of }: { names: string[]; of: string }) {
  const [open, setOpen] = useState(false);
  if (names.length === 0) return <>none</>;
  return (
    <>
      {count(names.length)} {of}{" "}
      <button type="button" className="button quiet" style={{ height: 20, padding: "0 4px" }} aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "hide" : "which"}</button>
      {open && <div style={{ maxHeight: 160, overflow: "auto" }}>{names.map((name) => <div key={name}><Link className="link" to={`/racks/${name}`}>{name}</Link></div>)}</div>}
    </>
  );
}

function Loss({ site, parts, at }: { site: string; parts: string[]; at: string }) {
  const loss = useRead<LossOutlook>(`/v1/sites/${site}/power/loss`, { parts: parts.join(","), at }, { topics: ["power"], every: 10_000 });
  if (!loss.data && !loss.error) return <div className="stack"><Skeleton height={20} width="60%" /><Skeleton height={20} /><Skeleton height={20} width="80%" /></div>;
  return (
    <Loaded of={loss}>
      {(out) => (
        <div className="stack" data-loss={parts.join(",")}>
          {(out.left ?? []).length > 0 ? <Badge tone="bad">Limits stay broken after shedding</Badge> : (out.dark ?? []).length + (out.uncooled ?? []).length + (out.stopped ?? []).length > 0 ? <Badge tone="bad">Racks go dark</Badge>
            : (out.shed ?? []).length > 0 ? <Badge tone="warn">Held, after jobs give way</Badge> : <Badge tone="ok">Held: nobody is hit</Badge>}
          <Facts of={[
            ["Goes dark", <Racks key="dark" names={out.dark ?? []} of="racks" />],
            ["Loses cooling", (out.uncooled ?? []).length ? <Racks key="warm" names={out.uncooled ?? []} of="racks" /> : undefined],
            ["Moves to other feeds", <Racks key="moves" names={out.degraded ?? []} of="racks" />],
            ["Untouched", `${count(out.racksLive)} racks`],
          ]} />
          <div>
            <h3>Overloaded until shedding has acted</h3>
            {(out.overloads ?? []).length === 0 ? <p className="muted">nothing</p> : (out.overloads ?? []).map((over) => (
              <p key={over.row}>{leaf(over.row)} <b>{percent(over.load / over.limit)}</b> <span className="muted">{over.borne === undefined ? "nobody said for how long it is borne" : duration(over.borne) === 0 ? "not borne at all" : `borne for ${span(duration(over.borne))}`}</span></p>
            ))}
          </div>
          <div>
            <h3>Who gives way, in this order</h3>
            {(out.shed ?? []).length === 0 ? <p className="muted">nobody</p> : (out.shed ?? []).slice(0, 20).map((job) => (
              <p key={job.job}><Link className="link" to={`/jobs/${job.job}`}>{job.job}</Link> <span className="muted">{job.stop ? "stops" : `${watts(quantity(job.demand))} → ${watts(quantity(job.firm))}`}</span></p>
            ))}
            {(out.shed ?? []).length > 20 && <p className="muted">and {count((out.shed ?? []).length - 20)} more</p>}
          </div>
          {(out.stopped ?? []).length > 0 && <div><h3>Ends with its power</h3>{(out.stopped ?? []).slice(0, 20).map((job) => <p key={job}><Link className="link" to={`/jobs/${job}`}>{job}</Link></p>)}</div>}
          {(out.tenants ?? []).length > 0 && <div><h3>Tenants hit</h3>{(out.tenants ?? []).map((hit) => <p key={hit.tenant}>{hit.tenant} <span className="muted">{count(hit.jobs)} jobs, {count(quantity(hit.gpus))} GPUs</span></p>)}</div>}
          {(out.next ?? []).length > 0 && <div><h3>One more loss would overload</h3>{(out.next ?? []).slice(0, 5).map((next) => <p key={`${next.row} ${next.contingency}`}>{leaf(next.row)} <span className="muted">{percent(next.load / next.limit)} after {leaf(next.contingency ?? "")}</span></p>)}{(out.next ?? []).length > 5 && <p className="muted">and {count((out.next ?? []).length - 5)} more</p>}</div>}
        </div>
      )}
    </Loaded>
  );
}

function Times({ site, power }: { site: string; power: SitePower }) {
  const spec = useRead<Applied<SiteSpec>>(`/v1/sites/${site}`, {}, { topics: ["objects"], every: 10_000 });
  const phases = spec.data?.spec.grid?.phases ?? [];
  const chart = useMemo(() => {
    const now = Date.now();
    const dates = phases.map(({ from }) => ms(from));
    const end = Math.max(now, ...dates) + 365 * 86400e3;
    const times = [Math.min(now - 90 * 86400e3, ...dates), ...dates.filter((at, i) => i > 0 || at > now), end].sort((a, b) => a - b);
    const at = (time: number) => [...phases].reverse().find(({ from }) => ms(from) <= time);
    return {
      times,
      series: [
        { label: "Contracted", color: "--ink-3", dash: true, values: times.map(() => quantity(power.contracted ?? undefined)) },
        { label: "Energised", color: "--bar", fill: true, step: true, values: times.map((time) => { const phase = at(time); return phase ? quantity(phase.energised) : null; }) },
        ...(phases.some(({ built }) => built) ? [{ label: "Built", color: "--warn", step: true, values: times.map((time) => { const built = at(time)?.built; return built ? quantity(built) : null; }) }] : []),
        { label: "Committed now", color: "--ok", values: times.map(() => quantity(power.import)) },
      ],
    };
  }, [phases, power.contracted, power.import]);
  if (phases.length === 0) return <Empty title="No dated phases">The grid gives what is contracted, always.</Empty>;
  return (
    <>
      <Chart label="Contracted, energised and built power over time" times={chart.times} series={chart.series} format={watts} height={220} />
      <ul>{phases.map((phase) => <li key={phase.from} className="row" style={{ gap: 12 }}><span style={{ width: 96 }}>{date(phase.from)}</span><b style={{ width: 80 }}>{watts(quantity(phase.energised))}</b><span className="muted">{phase.confidence ?? ""}{phase.built ? `, ${watts(quantity(phase.built))} built` : ""}</span></li>)}</ul>
    </>
  );
}

export function Power({ site }: { site: string }) {
  const [search, setSearch] = useSearchParams();
  const at = search.get("at") ?? "";
  const power = useRead<SitePower>(`/v1/sites/${site}/power`, { at }, { topics: ["power"], every: 10_000 });
  const overview = useRead<Overview>("/v1/overview", {}, { topics: ["power"], every: 5000 });
  const picked = (search.get("lose") ?? "").split(",").filter(Boolean);
  const put = (key: string, value: string) => setSearch((now) => {
    if (value) now.set(key, value);
    else now.delete(key);
    return now;
  }, { replace: true });
  const pick = (name: string, more: boolean) => put("lose", (picked.includes(name) ? picked.filter((one) => one !== name) : more ? [...picked, name] : [name]).join(","));
  const only = overview.data?.sites.find((one) => one.site === site);

  return (
    <Loaded of={power} height={480}>
      {(data) => {
        const full = picked.map((name) => `${site}/${name}`);
        const element = (data.elements ?? []).find(({ name }) => name === full[0]);
        const whole = quantity(data.contracted) || quantity(data.importLimit) || quantity(data.max);
        const stranded = data.stranded ?? [];
        return (
          <div className="stack">
            <div className="split">
              <Card title="One line" bare tools={<>
                <span className="legend"><span><i style={{ background: "var(--bar)" }} />now</span><span><i style={{ background: "var(--bar-2)" }} />after the worst loss</span><span><i style={{ background: "var(--warn)" }} />above 90 %</span><span><i style={{ background: "var(--bad)" }} />above its limit</span></span>
                <select className="input" style={{ width: 150 }} aria-label="As of" value={at} onChange={(event) => put("at", event.target.value)}>
                  <option value="">Now</option>
                  {(data.changes ?? []).map((change) => <option key={change} value={change}>{date(change)}</option>)}
                  {at && !(data.changes ?? []).includes(at) && <option value={at}>{date(at)}</option>}
                </select></>}>
                {(data.elements ?? []).length === 0 ? <Empty title="This site has no network">Its spec names no electrical elements.</Empty> : <OneLine power={data} picked={full} pick={pick} restricted={(only?.restrictions ?? []).length > 0} />}
              </Card>
              <Card title={picked.length ? `If ${picked.join(" and ")} ${picked.length > 1 ? "were" : "was"} lost` : "What if"} tools={picked.length > 0 && <button type="button" className="button quiet" onClick={() => put("lose", "")}>Clear</button>}>
                {picked.length === 0 ? (
                  <p className="muted">Choose an element in the diagram or below to see what its loss would do: what goes dark, what moves, what is overloaded and for how long, and who gives way. With <kbd>Shift</kbd> several at once.</p>
                ) : (
                  <div className="stack">
                    {element && (
                      <Facts of={[
                        ["Kind", element.kind], ["State", element.state === "live" ? "live" : <Badge key="s" tone="bad">{element.state}</Badge>],
                        ["Load now", `${watts(quantity(element.load))} of ${watts(quantity(element.usable))}`],
                        ["Headroom", `${watts(quantity(element.headroom))} firm, after its worst loss`],
                        ["Fullest", element.worst && `${percent(element.worst.load / element.worst.limit, 1)} after ${element.worst.contingency ? leaf(element.worst.contingency) : "no loss"}`],
                        ["Fed by", (element.feeds ?? []).map(leaf).join(", ")],
                      ]} />
                    )}
                    <Loss site={site} parts={picked} at={at} />
                  </div>
                )}
              </Card>
            </div>
            <div className="halves">
              <Card title="Where the contracted power is">
                <div className="stack">
                  <Bar label="Contracted power" parts={[{ part: quantity(data.import) / whole }, { part: quantity(data.room) / whole, color: "var(--bar-2)" }]} />
                  <Facts of={[
                    ["Contracted", data.contracted && watts(quantity(data.contracted))],
                    ["Limit of import now", data.importLimit && watts(quantity(data.importLimit))],
                    ["Committed", watts(quantity(data.import))],
                    ["Held by nodes", `${watts(quantity(data.held))} of ${watts(quantity(data.max))} at full work`],
                    ["Room for nodes", `${watts(quantity(data.room))} firm`],
                    ["Energy", only?.costPerHour && `${cash(money(only.costPerHour))} an hour at the price of now`],
                  ]} />
                  <h3>Stranded watts by cause</h3>
                  {stranded.length === 0 ? <p className="muted">none</p> : <Facts of={stranded.map(({ cause, watts: lost, row }) => [watts(quantity(lost)), <>{causes[cause] ?? cause}{row ? <span className="muted">: {row}</span> : null}</>])} />}
                  {(data.broken ?? []).length > 0 && <><h3>Above its limit</h3>{(data.broken ?? []).map((row) => <p key={`${row.row} ${row.contingency}`}><Badge tone="bad">{row.row}</Badge> {percent(row.load / row.limit)}{row.contingency ? ` after ${row.contingency}` : ""}</p>)}</>}
                  <p className="faint">As of {moment(data.at)} UTC. Loads are what is granted, not what is measured.</p>
                </div>
              </Card>
              <Card title="Limits over time"><Times site={site} power={data} /></Card>
            </div>
            <Table name="elements" title="Elements" rows={data.elements ?? []} id={({ name }) => name} selected={full[0]} select={({ name }) => pick(leaf(name), false)} sort="-used" columns={[
              { key: "name", label: "Element", value: ({ name }) => leaf(name), width: "minmax(160px, 1.4fr)" },
              { key: "kind", label: "Kind", value: ({ kind }) => kind, width: "110px" },
              { key: "state", label: "State", value: ({ state }) => state, show: ({ state }) => <Badge tone={state === "live" ? "ok" : (only?.restrictions ?? []).length ? "bad" : "hollow"}>{state}</Badge>, width: "90px" },
              { key: "load", label: "Load now", right: true, value: ({ load }) => quantity(load), show: ({ load }) => watts(quantity(load)), width: "100px" },
              { key: "usable", label: "Usable", right: true, value: ({ usable }) => quantity(usable), show: ({ usable }) => watts(quantity(usable)), width: "100px" },
              { key: "headroom", label: "Headroom", right: true, value: ({ headroom }) => quantity(headroom), show: ({ headroom }) => watts(quantity(headroom)), width: "100px" },
              { key: "used", label: "After its worst loss", value: used, show: (e) => (e.worst ? <Meter label={e.name} value={e.worst.load} of={e.worst.limit} /> : <span className="faint">–</span>), width: "minmax(140px, 1fr)" },
              { key: "loss", label: "Which loss", value: ({ worst }) => (worst ? leaf(worst.contingency || "none") : undefined), width: "minmax(140px, 1fr)" },
            ]} />
          </div>
        );
      }}
    </Loaded>
  );
}
