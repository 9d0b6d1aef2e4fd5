// Can it be sold, from when, and how much of it: the answer comes with where it would lie, or with what binds.
import { useState } from "react";
import { useNavigate } from "react-router-dom";
import { write } from "../../api/client";
import { useAll, useRead } from "../../api/read";
import { may } from "../../api/rights";
import { useSession } from "../../api/session";
import type { Applied, Overview, Schemas } from "../../api/types";
import { Card, Empty, Facts, Head, Problem, Segments, Skeleton } from "../../design/parts";
import { date } from "../../lib/time";
import { count } from "../../lib/units";
import { BookEntry } from "./Entry";

interface Wish { tenant: string; name: string; model: string; sites: string[]; price: string; until: string; ramp: { from: string; gpus: string }[] }

const document = (wish: Wish) => JSON.stringify({
  apiVersion: "penstock/v1", kind: "Contract", metadata: { name: `${wish.tenant}/${wish.name}` },
  spec: {
    class: "reserved", gpuModels: [wish.model], sites: wish.sites.length ? wish.sites : undefined, pricePerGpuHour: wish.price,
    ramp: wish.ramp.map(({ from, gpus }) => ({ from: `${from}T00:00:00Z`, gpus: Number(gpus) })),
    from: `${wish.ramp[0].from}T00:00:00Z`, until: wish.until ? `${wish.until}T00:00:00Z` : undefined,
  },
}, null, 2);

export default function Quote() {
  const { identity } = useSession();
  const navigate = useNavigate();
  const tenants = useAll<Applied<unknown>>("/v1/tenants", {}, { topics: ["objects"], every: 10_000 });
  const overview = useRead<Overview>("/v1/overview");
  const tomorrow = new Date(Date.now() + 86400e3).toISOString().slice(0, 10);
  const [by, setBy] = useState<"form" | "text">("form");
  const [text, setText] = useState("");
  const [wish, setWish] = useState<Wish>({ tenant: "", name: "", model: "", sites: [], price: "2.50 USD", until: "", ramp: [{ from: tomorrow, gpus: "1024" }] });
  const [answer, setAnswer] = useState<Schemas["Quote"] | null>(null);
  const [asked, setAsked] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const models = [...new Set((overview.data?.sites ?? []).flatMap((site) => [...site.gpus.map(({ model }) => model), ...(site.deliveries ?? []).map(({ model }) => model)]))].sort();
  const put = (key: "tenant" | "name" | "model" | "price" | "until") => (event: React.ChangeEvent<HTMLInputElement | HTMLSelectElement>) => setWish({ ...wish, [key]: event.target.value });
  const putStep = (i: number, key: "from" | "gpus") => (event: React.ChangeEvent<HTMLInputElement>) => setWish({ ...wish, ramp: wish.ramp.map((step, k) => (k === i ? { ...step, [key]: event.target.value } : step)) });

  const ask = async (event: React.FormEvent) => {
    event.preventDefault();
    const source = by === "form" ? document(wish) : text;
    setBusy(true);
    setError(null);
    setAnswer(null);
    try {
      setAnswer(await write<Schemas["Quote"]>("POST", "/v1/quote", { sources: [{ file: by === "form" ? "contract.json" : "contract.yaml", text: source }] }));
      setAsked(source);
    } catch (failed) {
      setError(failed);
    }
    setBusy(false);
  };
  const sign = async () => {
    try {
      await write("POST", "/v1/apply", { sources: [{ file: "contract.json", text: asked }] }, "signed from a quote");
      navigate(`/contracts/${answer!.contract}`);
    } catch (failed) {
      setError(failed);
    }
  };

  return (
    <div className="page">
      <Head title="Quote" sub="Nothing is changed by asking."><Segments label="How" value={by} of={[["form", "Form"], ["text", "YAML"]] as const} set={setBy} /></Head>
      <div className="grid" style={{ gridTemplateColumns: "minmax(320px, 420px) minmax(0, 1fr)", alignItems: "start" }}>
        <Card title="What is asked for">
          <form className="stack" onSubmit={ask}>
            {by === "text" ? (
              <label className="field"><span>One Contract, its Tenant too if it is new</span><textarea className="input" rows={20} required spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} /></label>
            ) : (
              <>
                <div className="form">
                  <label className="field"><span>Tenant</span><select className="input" required value={wish.tenant} onChange={put("tenant")}><option value="">choose</option>{(tenants.data ?? []).map(({ metadata }) => <option key={metadata.name}>{metadata.name}</option>)}</select></label>
                  <label className="field"><span>Name</span><input className="input" required pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?" value={wish.name} onChange={put("name")} placeholder="training-2027" /></label>
                  <label className="field"><span>GPU model</span><select className="input" required value={wish.model} onChange={put("model")}><option value="">choose</option>{models.map((model) => <option key={model}>{model}</option>)}</select></label>
                  <label className="field"><span>A GPU hour</span><input className="input" required value={wish.price} onChange={put("price")} /></label>
                  <label className="field wide"><span>Sites; none means any</span><select className="input" multiple size={5} style={{ height: "auto" }} value={wish.sites} onChange={(event) => setWish({ ...wish, sites: [...event.target.selectedOptions].map(({ value }) => value) })}>{(overview.data?.sites ?? []).map(({ site }) => <option key={site}>{site}</option>)}</select></label>
                </div>
                <fieldset className="stack" style={{ gap: 4 }}>
                  <h3>Ramp</h3>
                  {wish.ramp.map((step, i) => (
                    <div className="row" key={i}>
                      <input className="input" type="date" required aria-label={`Step ${i + 1} from`} value={step.from} onChange={putStep(i, "from")} />
                      <input className="input" type="number" min={1} required aria-label={`Step ${i + 1} GPUs`} value={step.gpus} onChange={putStep(i, "gpus")} />
                      <button type="button" className="button quiet" disabled={wish.ramp.length === 1} aria-label={`Remove step ${i + 1}`} onClick={() => setWish({ ...wish, ramp: wish.ramp.filter((_, k) => k !== i) })}>–</button>
                    </div>
                  ))}
                  <div><button type="button" className="button quiet" onClick={() => setWish({ ...wish, ramp: [...wish.ramp, { ...wish.ramp[wish.ramp.length - 1] }] })}>Add a step</button></div>
                </fieldset>
                <label className="field"><span>Until</span><input className="input" type="date" value={wish.until} onChange={put("until")} /></label>
              </>
            )}
            <div className="row" style={{ justifyContent: "flex-end" }}><button type="submit" className="button primary" disabled={busy}>Ask</button></div>
          </form>
        </Card>
        <Card title="Answer">
          <div className="stack" aria-live="polite">
            {error !== null && <Problem error={error} />}
            {busy && <Skeleton height={120} />}
            {!busy && !answer && error === null && <Empty title="Ask, and the book is laid">With all signed contracts, in every phase and after any single loss.</Empty>}
            {answer && (
              <>
                <div className={`notice ${answer.possible ? "ok" : "bad"}`}><div className="what"><b>{answer.possible ? "Can be sold" : "Cannot be sold as asked"}</b><p>{answer.message}</p></div>
                  {answer.possible && may(identity, "write-objects") && <button type="button" className="button primary" onClick={sign}>Sign it</button>}</div>
                <Facts of={[["Could begin", answer.earliest && date(answer.earliest)], ["Largest with these dates", answer.largest !== undefined && answer.largest !== null ? `${count(answer.largest)} GPUs` : undefined]]} />
                <BookEntry entry={answer.entry} />
              </>
            )}
          </div>
        </Card>
      </div>
    </div>
  );
}
