// Submitting: a form for what most jobs need, or the text of documents. Beside it, where it would find room now.
import { useMemo, useState } from "react";
import { useNavigate } from "react-router-dom";
import { write } from "../../api/client";
import { useAll, useRead } from "../../api/read";
import { may } from "../../api/rights";
import { useSession } from "../../api/session";
import type { Applied, ContractSpec, ProjectSpec, Schemas } from "../../api/types";
import { Badge, Card, Facts, Head, Problem, Segments } from "../../design/parts";
import { count, quantity } from "../../lib/units";

interface Wish {
  project: string;
  name: string;
  contract: string;
  model: string;
  replicas: string;
  gpus: string;
  image: string;
  command: string;
  timeLimit: string;
  priority: string;
}

function specOf(wish: Wish) {
  const command = wish.command.trim() ? ["sh", "-c", wish.command] : undefined;
  return {
    metadata: { name: `${wish.project}/${wish.name}` },
    spec: {
      contract: wish.contract || undefined, gpuModels: wish.model ? [wish.model] : undefined, timeLimit: wish.timeLimit || undefined,
      priority: wish.priority ? Number(wish.priority) : undefined,
      groups: [{ name: "main", replicas: Number(wish.replicas), gpus: wish.gpus, image: wish.image || undefined, command: wish.image && command ? command.slice(2) : command }],
    },
  };
}

/** By the present room of each site; the queue's order, quotas and contracts are the scheduler's to judge. */
function Room({ wish, contract }: { wish: Wish; contract: ContractSpec | undefined }) {
  const capacity = useRead<Schemas["CapacityList"]>("/v1/capacity", {}, { topics: ["jobs", "nodes", "power"], every: 10_000 });
  const wanted = Number(wish.replicas) * quantity(wish.gpus);
  const rows = (capacity.data?.items ?? []).filter((row) => (!wish.model || row.gpuModel === wish.model)
    && (!contract?.sites?.length || contract.sites.includes(row.site)) && (!contract?.gpuModels?.length || contract.gpuModels.includes(row.gpuModel)));
  const fits = rows.filter((row) => row.gpusFeasible >= wanted).sort((a, b) => b.gpusFeasible - a.gpusFeasible);
  const best = [...rows].sort((a, b) => b.gpusFeasible - a.gpusFeasible)[0];
  if (!capacity.data) return <p className="muted">Looking at the room of each site…</p>;
  if (!wanted) return <p className="muted">Say how many GPUs it needs.</p>;
  return (
    <div className="stack">
      {fits.length > 0 ? <Badge tone="ok">Room now at {fits[0].site}{fits.length > 1 ? ` and ${count(fits.length - 1)} more` : ""}</Badge>
        : <Badge tone="warn">{rows.length === 0 ? "No site that it may use has such GPUs" : `No site has room for ${count(wanted)} GPUs now`}</Badge>}
      {fits.length === 0 && best && <p className="muted">Most at {best.site}: {count(best.gpusFree)} free, {count(best.gpusFeasible)} within power and cooling{best.boundBy ? `; ${best.boundBy} stops the rest` : ""}. It would wait.</p>}
      <Facts of={(fits.length ? fits : rows).slice(0, 6).map((row) => [`${row.site} ${row.gpuModel}`, `${count(row.gpusFeasible)} of ${count(row.gpusFree)} free`])} />
      <p className="faint">How many of the free GPUs power and cooling would let start now. Contract, quota and the order of the queue are judged when it is submitted; its page then says why it waits.</p>
    </div>
  );
}

export default function Submit() {
  const { identity } = useSession();
  const navigate = useNavigate();
  const [by, setBy] = useState<"form" | "text">("form");
  const [text, setText] = useState("");
  const [wish, setWish] = useState<Wish>({ project: "", name: "", contract: "", model: "", replicas: "1", gpus: "1", image: "", command: "", timeLimit: "PT1H", priority: "" });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const projects = useAll<Applied<ProjectSpec>>("/v1/projects", {}, { topics: ["objects"], every: 10_000 });
  const contracts = useAll<Applied<ContractSpec>>("/v1/contracts", {}, { topics: ["objects"], every: 10_000 });
  const mine = (projects.data ?? []).filter(({ metadata }) => may(identity, "write-jobs", metadata.name));
  const tenant = wish.project.split("/")[0];
  const offered = (contracts.data ?? []).filter(({ metadata }) => metadata.name.startsWith(`${tenant}/`));
  const contract = offered.find(({ metadata }) => metadata.name === wish.contract) ?? (offered.length === 1 ? offered[0] : undefined);
  const models = useMemo(() => [...new Set((contract ? [contract] : offered).flatMap(({ spec }) => spec.gpuModels ?? []))], [contract, offered]);
  const put = (key: keyof Wish) => (event: React.ChangeEvent<HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>) => setWish({ ...wish, [key]: event.target.value });

  const go = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      if (by === "form") {
        const job = specOf(wish);
        await write("POST", "/v1/jobs", job);
        navigate(`/jobs/${job.metadata.name}`);
      } else {
        await write("POST", "/v1/submit", { sources: [{ file: "job.yaml", text }] });
        const name = /name:\s*["']?([a-z0-9-]+\/[a-z0-9-]+\/[a-z0-9-]+)/.exec(text)?.[1];
        navigate(name ? `/jobs/${name}` : "/jobs");
      }
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  };

  return (
    <div className="page">
      <Head title="Submit"><Segments label="How" value={by} of={[["form", "Form"], ["text", "YAML"]] as const} set={setBy} /></Head>
      <form className="split" onSubmit={go}>
        <Card title={by === "form" ? "A gang of tasks that are alike" : "Documents of kind Job"}>
          <div className="stack">
            {by === "form" ? (
              <div className="form">
                <label className="field"><span>Project</span><select className="input" required value={wish.project} onChange={(event) => setWish({ ...wish, project: event.target.value, contract: "", model: "" })}><option value="">choose</option>{mine.map(({ metadata }) => <option key={metadata.name}>{metadata.name}</option>)}</select></label>
                <label className="field"><span>Name</span><input className="input" required pattern="[a-z0-9]([a-z0-9\-]*[a-z0-9])?" title="small letters, digits and dashes" maxLength={63} value={wish.name} onChange={put("name")} placeholder="train-7" /></label>
                <label className="field"><span>Contract</span><select className="input" value={wish.contract} onChange={put("contract")}><option value="">{offered.length === 1 ? offered[0].metadata.name : "the tenant's only one"}</option>{offered.length > 1 && offered.map(({ metadata }) => <option key={metadata.name}>{metadata.name}</option>)}</select></label>
                <label className="field"><span>GPU model</span><select className="input" value={wish.model} onChange={put("model")}><option value="">any of the contract</option>{models.map((model) => <option key={model}>{model}</option>)}</select></label>
                <label className="field"><span>Tasks</span><input className="input" type="number" required min={1} max={65536} value={wish.replicas} onChange={put("replicas")} /></label>
                <label className="field"><span>GPUs of each task</span><input className="input" required inputMode="decimal" pattern="\d+(\.\d+)?" value={wish.gpus} onChange={put("gpus")} /></label>
                <label className="field"><span>Time limit (ISO 8601)</span><input className="input" value={wish.timeLimit} onChange={put("timeLimit")} placeholder="none" /></label>
                <label className="field"><span>Priority in its project</span><input className="input" type="number" min={-1000} max={1000} value={wish.priority} onChange={put("priority")} placeholder="0" /></label>
                <label className="field wide"><span>OCI image</span><input className="input" value={wish.image} onChange={put("image")} placeholder="none: the command runs on the node" /></label>
                <label className="field wide"><span>{wish.image ? "Argument of the image" : "Shell command"}</span><textarea className="input" rows={5} spellCheck={false} value={wish.command} onChange={put("command")} placeholder="what each task runs" /></label>
              </div>
            ) : (
              <label className="field"><span>YAML or JSON, many divided by ---</span><textarea className="input" rows={22} required spellCheck={false} value={text} onChange={(event) => setText(event.target.value)} /></label>
            )}
            {error !== null && <Problem error={error} />}
            <div className="row" style={{ justifyContent: "flex-end" }}><button type="submit" className="button primary" disabled={busy}>Submit</button></div>
          </div>
        </Card>
        {by === "form" && may(identity, "read-estate") && <Card title="Would it find room?"><Room wish={wish} contract={contract?.spec} /></Card>}
      </form>
    </div>
  );
}
