// What gives less for a time: failures, deratings, orders and maintenance, as a calendar; and a certificate for a window.
import { useState } from "react";
import { useSearchParams } from "react-router-dom";
import { named, write } from "../../api/client";
import { useAll, useRead, type Answer } from "../../api/read";
import { may } from "../../api/rights";
import { useSession } from "../../api/session";
import type { Applied, RestrictionSpec, Schemas } from "../../api/types";
import { Badge, Card, Empty, Facts, Loaded, Problem } from "../../design/parts";
import { Table } from "../../design/Table";
import { date, moment, ms } from "../../lib/time";
import { count, percent } from "../../lib/units";

type Restriction = Applied<RestrictionSpec>;
const day = 86400e3;

const begin = (one: Restriction) => ms(one.spec.from ?? one.metadata.created);
function standing(one: Restriction, now: number): "in force" | "planned" | "over" {
  if (now < begin(one)) return "planned";
  return one.spec.until && ms(one.spec.until) <= now ? "over" : "in force";
}

function Calendar({ items }: { items: Restriction[] }) {
  const now = Date.now();
  const from = now - 7 * day;
  const to = Math.max(now + 35 * day, ...items.map(({ spec }) => (spec.until ? ms(spec.until) + day : 0)).filter((end) => end < now + 400 * day));
  const place = (at: number) => `${((Math.min(to, Math.max(from, at)) - from) / (to - from)) * 100}%`;
  return (
    <div className="days">
      {items.map((one) => {
        const left = begin(one);
        const right = one.spec.until ? ms(one.spec.until) : to;
        return (
          <div className="lane" key={one.metadata.name}>
            <span className="clip" title={one.metadata.name}>{one.metadata.name}</span>
            <span className="track" role="img" aria-label={`${one.spec.cause} from ${moment(new Date(left).toISOString(), false)} until ${one.spec.until ? moment(one.spec.until, false) : "it is mended"}`}>
              <i className={one.spec.cause} style={{ left: place(left), right: `calc(100% - ${place(right)})` }} /><b style={{ left: place(now) }} />
            </span>
          </div>
        );
      })}
      <div className="lane faint"><span /><span className="row" style={{ justifyContent: "space-between" }}><span>{date(new Date(from).toISOString())}</span><span>{date(new Date(to).toISOString())}</span></span></div>
    </div>
  );
}

/** `2026-12-01T22:00` of a field, which is UTC here. */
const utc = (text: string) => (text ? `${text}:00Z` : "");

function Plan({ site, after }: { site: string; after: () => void }) {
  const { identity } = useSession();
  const [search] = useSearchParams();
  const [form, setForm] = useState({ parts: search.get("parts") ?? "", from: "", until: "", name: "", note: "" });
  const [asked, setAsked] = useState<{ parts: string; from: string; until: string } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const plan = useRead<Schemas["MaintenancePlan"]>(`/v1/sites/${site}/maintenance`, asked ?? {}, { enabled: asked !== null });
  const put = (key: keyof typeof form) => (event: React.ChangeEvent<HTMLInputElement>) => setForm({ ...form, [key]: event.target.value });
  const book = async () => {
    const lines = { apiVersion: "penstock/v1", kind: "Restriction", metadata: { name: `${site}/${form.name}` }, spec: { cause: "maintenance", parts: asked!.parts.split(/,\s*(?![^[]*\])/), from: asked!.from, until: asked!.until, note: form.note || undefined } };
    try {
      await write("POST", "/v1/apply", { sources: [{ file: "maintenance.json", text: JSON.stringify(lines) }] }, form.note);
      setAsked(null);
      after();
    } catch (failed) {
      setError(failed);
    }
  };
  return (
    <Card title="May parts be out in a window?">
      <form className="stack" onSubmit={(event) => { event.preventDefault(); setError(null); setAsked({ parts: form.parts, from: utc(form.from), until: utc(form.until) }); }}>
        <label className="field"><span>Elements and cooling units; ranges such as ups-[a,b] may be used</span><input className="input" required value={form.parts} onChange={put("parts")} /></label>
        <div className="form">
          <label className="field"><span>From, UTC</span><input className="input" type="datetime-local" required value={form.from} onChange={put("from")} /></label>
          <label className="field"><span>Until, UTC</span><input className="input" type="datetime-local" required value={form.until} onChange={put("until")} /></label>
        </div>
        <div className="row" style={{ justifyContent: "flex-end" }}><button type="submit" className="button">Work it out</button></div>
        {error !== null && <Problem error={error} />}
        {asked && (
          <Loaded of={plan} height={72}>
            {(answer) => (
              <div className="stack">
                {answer.possible ? <Badge tone="ok">Possible</Badge> : <Badge tone="bad">Not possible</Badge>}
                <p>{answer.message}</p>
                <Facts of={[
                  ["Exposed", `${count(answer.exposed)} racks would go dark by one further loss that would not now`],
                  ["Gives way", (answer.shed ?? []).map(({ job }) => job).join(", ")],
                  ["Above a limit", (answer.breaks ?? []).slice(0, 5).map((b) => <div key={`${b.row} ${b.contingency}`}>{b.row} {percent(b.load / b.limit)}{b.contingency ? ` after ${b.contingency}` : ""}</div>)],
                  ["Earliest that holds", answer.earliest && moment(answer.earliest)],
                ]} />
                {answer.possible && may(identity, "write-objects") && (
                  <div className="form">
                    <label className="field"><span>Name</span><input className="input" pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?" value={form.name} onChange={put("name")} placeholder="ups-service" /></label>
                    <label className="field"><span>Note</span><input className="input" value={form.note} onChange={put("note")} /></label>
                    <button type="button" className="button primary wide" disabled={!form.name} onClick={book}>Book it</button>
                  </div>
                )}
              </div>
            )}
          </Loaded>
        )}
      </form>
    </Card>
  );
}

export function Restrictions({ site }: { site?: string }) {
  const { identity } = useSession();
  const read = useAll<Restriction>("/v1/restrictions", {}, { topics: ["objects", "power"], every: 2000 });
  const [error, setError] = useState<unknown>(null);
  const now = Date.now();
  const items: Answer<Restriction[]> = { ...read, data: read.data?.filter(({ metadata }) => !site || metadata.name.startsWith(`${site}/`)) } as Answer<Restriction[]>;
  const back = async (name: string) => {
    try {
      await write("DELETE", named("/v1/restrictions", name));
      await read.refetch();
    } catch (failed) {
      setError(failed);
    }
  };
  return (
    <div className="stack">
      {error !== null && <Problem error={error} />}
      <div className={site ? "split" : "stack"}>
        <Card title="Calendar">
          <Loaded of={items} height={120}>
            {(list) => list.length === 0 ? <Empty title="Nothing is restricted">No failure, derating, order or maintenance is known{site ? ` at ${site}` : ""}.</Empty> : <Calendar items={list.filter((one) => standing(one, now) !== "over")} />}
          </Loaded>
        </Card>
        {site && <Plan site={site} after={() => void read.refetch()} />}
      </div>
      {(items.data ?? []).length > 0 && <Table name="restrictions" title="Restrictions and maintenance" rows={items.data} id={({ metadata }) => metadata.name} sort="-from" columns={[
        { key: "name", label: "Name", value: ({ metadata }) => metadata.name, width: "minmax(180px, 1.5fr)" },
        { key: "cause", label: "Cause", value: ({ spec }) => spec.cause, width: "120px" },
        { key: "state", label: "State", value: (one) => standing(one, now), show: (one) => <Badge tone={standing(one, now) === "in force" ? (one.spec.cause === "failure" ? "bad" : "warn") : standing(one, now) === "planned" ? "busy" : "idle"}>{standing(one, now)}</Badge>, width: "110px" },
        { key: "parts", label: "Parts", value: ({ spec }) => (spec.parts ?? []).join(", ") || (spec.import ? `import ${spec.import}` : undefined), width: "minmax(160px, 2fr)" },
        { key: "from", label: "From", value: (one) => begin(one), show: (one) => moment(new Date(begin(one)).toISOString(), false), width: "150px" },
        { key: "until", label: "Until", value: ({ spec }) => spec.until && ms(spec.until), show: ({ spec }) => (spec.until ? moment(spec.until, false) : "it is mended"), width: "150px" },
        { key: "note", label: "Note", value: ({ spec }) => spec.note, width: "minmax(120px, 2fr)" },
        { key: "act", label: "", value: () => undefined, show: (one) => may(identity, "write-objects") && standing(one, now) !== "over" ? <button type="button" className="button" style={{ height: 24 }} onClick={() => void back(one.metadata.name)}>{standing(one, now) === "planned" ? "Call off" : "It is back"}</button> : "", width: "110px" },
      ]} />}
    </div>
  );
}
