// One workload: where it is in its life and why, where its tasks lie, what it uses, what it writes.
import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router-dom";
import { named, write } from "../../api/client";
import { useRead } from "../../api/read";
import { may } from "../../api/rights";
import { useSession } from "../../api/session";
import type { Job, Schemas } from "../../api/types";
import { Card, Empty, Facts, Head, Loaded, Modal, Problem } from "../../design/parts";
import { Table } from "../../design/Table";
import { moment, ms, span } from "../../lib/time";
import { cash, count, gpuHours, mass, money, quantity, sums, wattHours, watts } from "../../lib/units";
import { Gang } from "./Gang";
import { ageText, askedGpus, askedTasks, final, Phase } from "./job";
import { Log } from "./Log";

function Why({ name }: { name: string }) {
  const read = useRead<Schemas["Explanation"]>(named("/v1/jobs", name) + "/explain", {}, { topics: ["jobs", "nodes", "power"], every: 3000 });
  return (
    <Card title="Why it waits">
      <Loaded of={read} height={96}>
        {(why) => (
          <div className="stack">
            {!(why.causes ?? []).some(({ message }) => why.summary.endsWith(message)) && <p>{why.summary}</p>}
            {(why.causes ?? []).length > 0 && (
              <ul className="causes">
                {(why.causes ?? []).map((cause) => (
                  <li key={cause.reason + cause.message}><span className="tag">{cause.reason}</span> {cause.message} <span className="faint">needs {count(quantity(cause.needed))}, could have {count(quantity(cause.available))} GPUs</span></li>
                ))}
              </ul>
            )}
            {why.promisedStart && <p><b>{why.promised ? "Promised to start by" : "Would fit from"}</b> {moment(why.promisedStart, false)} UTC{why.promised ? ": its place is kept" : ", if what runs ends at its time limit; a date, not a reservation"}.</p>}
            <div>
              <h3>What would help</h3>
              {(why.alternatives ?? []).length === 0 ? <p className="muted">No single change of it would let it start now.</p> : <ul>{(why.alternatives ?? []).map((text) => <li key={text}>{text}</li>)}</ul>}
            </div>
          </div>
        )}
      </Loaded>
    </Card>
  );
}

type Act = "cancel" | "hold" | "release" | "suspend" | "resize" | "power";
const acts: Record<Act, { title: string; text: string; does: string }> = {
  cancel: { title: "Cancel", text: "Its tasks are stopped and it ends. It is not started again.", does: "Cancel the job" },
  hold: { title: "Hold back", text: "It waits until somebody releases it.", does: "Hold it back" },
  release: { title: "Release", text: "It joins the queue again.", does: "Release it" },
  suspend: { title: "Suspend", text: "It is stopped with what its checkpoints keep and held back: requeue it by releasing it.", does: "Suspend it" },
  resize: { title: "Resize", text: "How many tasks its elastic group may have at most.", does: "Resize it" },
  power: { title: "GPU power", text: "A power limit for each of its GPUs, e.g. 500W; empty for the highest. Refused where a limit would break.", does: "Set the limit" },
};

function Acting({ job, act, close }: { job: Job; act: Act; close: () => void }) {
  const [value, setValue] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const { title, text, does } = acts[act];
  const go = async (event: React.FormEvent) => {
    event.preventDefault();
    setBusy(true);
    const body = act === "resize" ? { replicas: Number(value) } : act === "power" ? (value ? { gpuPower: value } : {}) : undefined;
    try {
      await write("POST", `${named("/v1/jobs", job.metadata.name)}/${act}`, body, reason);
      close();
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  };
  const elastic = job.spec.groups.find((group) => group.minReplicas);
  return (
    <Modal title={`${title}: ${job.metadata.name}`} close={close}>
      <form className="stack" onSubmit={go}>
        <p className="muted">{text}</p>
        {act === "resize" && <label className="field"><span>Tasks of {elastic?.name}, {elastic?.minReplicas} to {elastic?.replicas}</span><input className="input" type="number" required autoFocus min={elastic?.minReplicas} max={elastic?.replicas} value={value} onChange={(e) => setValue(e.target.value)} /></label>}
        {act === "power" && <label className="field"><span>Watts of each GPU</span><input className="input" autoFocus placeholder="500W" value={value} onChange={(e) => setValue(e.target.value)} /></label>}
        <label className="field"><span>Reason, for the audit log</span><input className="input" maxLength={500} value={reason} onChange={(e) => setReason(e.target.value)} placeholder="optional" /></label>
        {error !== null && <Problem error={error} />}
        <div className="row" style={{ justifyContent: "flex-end" }}>
          <button type="button" className="button" onClick={close}>Leave it</button>
          <button type="submit" className={`button ${act === "cancel" ? "danger" : "primary"}`} disabled={busy}>{does}</button>
        </div>
      </form>
    </Modal>
  );
}

function Timeline({ job }: { job: Job }) {
  const { status, metadata } = job;
  const steps: [string | undefined, string][] = [
    [metadata.created, `submitted${status.submitter ? ` by ${status.submitter}` : ""}`],
    [status.promise?.since, `promised a start${status.promise?.at ? ` by ${moment(status.promise.at, false)}` : ""}${status.promise?.site ? ` at ${status.promise.site}` : ""}`],
    [status.notBefore, "its back-off ends"],
    [status.allocation?.from, `attempt ${status.allocation?.attempt} placed on ${count(status.allocation?.nodes ?? 0)} nodes at ${status.allocation?.site}`],
    [status.started, "all tasks run"],
    [status.ended, `${status.phase}${status.message ? `: ${status.message}` : ""}`],
    [final(job) ? undefined : status.allocation?.until, "its time limit ends it"],
  ];
  return <ul className="timeline">{steps.filter(([at]) => at).sort(([a], [b]) => ms(a) - ms(b)).map(([at, text]) => <li key={text}><span className="muted">{moment(at)}</span><span>{text}</span></li>)}</ul>;
}

export default function JobPage() {
  const { tenant, project, job: leaf } = useParams();
  const name = `${tenant}/${project}/${leaf}`;
  const { identity } = useSession();
  const [search, setSearch] = useSearchParams();
  const [act, setAct] = useState<Act | null>(null);
  const read = useRead<Job>(named("/v1/jobs", name), {}, { topics: ["jobs"], every: 500 });
  const rank = Number(search.get("rank") ?? 0);
  const setRank = (next: number) => setSearch((now) => { now.set("rank", String(next)); return now; }, { replace: true });
  const mayWrite = may(identity, "write-jobs", name);

  return (
    <div className="page">
      <Loaded of={read} height={480}>
        {(job) => {
          const { status, spec } = job;
          const tasks = status.tasks ?? [];
          const task = tasks.find((one) => one.rank === rank) ?? tasks[0];
          const elastic = spec.groups.some((group) => group.minReplicas);
          const running = ["starting", "running"].includes(status.phase);
          const can: Act[] = final(job) ? [] : [
            ...(status.phase === "pending" && !status.held ? (["hold"] as const) : []), ...(status.held ? (["release"] as const) : []),
            ...(elastic ? (["resize"] as const) : []), ...(running ? (["power", "suspend"] as const) : []), "cancel",
          ];
          const usage = status.usage;
          return (
            <>
              <Head title={leaf} sub={<span className="row wrap" style={{ gap: 16 }}><Phase job={job} /><span>{count(askedTasks(job))} {askedTasks(job) === 1 ? "task" : "tasks"}, {count(askedGpus(job))} GPUs</span><span>{status.started ? "ran" : "waited"} {ageText(job, Date.now())}</span>{status.attempt > 1 && <span>attempt {status.attempt}</span>}{(status.displaced ?? 0) > 0 && <span>displaced {status.displaced}×</span>}</span>}>
                {mayWrite && can.map((one) => <button key={one} type="button" className={`button${one === "cancel" ? " danger" : ""}`} onClick={() => setAct(one)}>{acts[one].title}</button>)}
              </Head>
              <div className="stack">
                {status.phase === "pending" && <Why name={name} />}
                {status.message && status.phase !== "pending" && <div className={`notice ${status.phase === "failed" ? "bad" : ""}`}><div className="what">{status.message}</div></div>}
                <div className="halves">
                  <Card title="Allocation">
                    {status.allocation ? (
                      <Facts of={[
                        ["Site", <Link key="s" className="link" to={`/sites/${status.allocation.site}`}>{status.allocation.site}</Link>],
                        ["Contract", <Link key="c" className="link" to={`/contracts/${status.contract}`}>{status.contract}</Link>],
                        ["GPUs", `${count(quantity(status.allocation.gpus as string))} on ${count(status.allocation.nodes)} nodes`],
                        ["Power", `may draw ${watts(quantity(status.allocation.demand))}, keeps ${watts(quantity(status.allocation.firm))} when shed`],
                        ["Price", `${status.allocation.pricePerGpuHour} a GPU hour`],
                        ["From", moment(status.allocation.from)], ["Until at most", status.allocation.until && moment(status.allocation.until)],
                        ["Used", usage && `${gpuHours(quantity(usage.gpuTime))}, ${wattHours(quantity(usage.energy))} (${usage.energySource})`],
                        ["Cost", usage && `${cash(money(usage.cost))}${(usage.energyCost ?? []).length ? `; energy by the site's price ${sums(usage.energyCost ?? []).map((m) => cash(m)).join(", ")}` : ""}`],
                        ["Carbon", usage && `${mass(quantity(usage.carbon))} CO₂`],
                        ["Saved", status.saved && status.saved !== "PT0S" ? `${status.saved} of its work in checkpoints` : undefined],
                      ]} />
                    ) : <Empty title="It holds nothing">{status.phase === "pending" ? "It waits for its start." : "It never started."}</Empty>}
                  </Card>
                  <Card title="Timeline"><Timeline job={job} /></Card>
                </div>
                {tasks.length > 0 && (
                  <>
                    <Card title="Gang" tools={<span className="legend"><span><i style={{ background: "var(--idle)" }} />assigned</span><span><i style={{ background: "var(--bar)" }} />running</span><span><i style={{ background: "var(--ok)" }} />ended well</span><span><i style={{ background: "var(--bad)" }} />failed</span></span>}>
                      <Gang tasks={tasks} pick={setRank} picked={task?.rank ?? 0} />
                    </Card>
                    <Card title={`Output of rank ${task?.rank ?? 0}`} bare tools={tasks.length > 1 && (
                      <label className="row"><span className="faint">Rank</span><input className="input" style={{ width: 80 }} type="number" min={0} max={tasks.length - 1} value={task?.rank ?? 0} onChange={(event) => setRank(Number(event.target.value))} /></label>
                    )}>
                      <Log key={`${name} ${status.attempt} ${task?.rank}`} job={name} rank={task?.rank ?? 0} running={task?.phase !== "exited"} />
                    </Card>
                    <Table name="tasks" title="Tasks" rows={tasks} id={(one) => String(one.rank)} select={(one) => setRank(one.rank)} selected={String(task?.rank)} columns={[
                      { key: "rank", label: "Rank", value: (one) => one.rank, right: true, width: "70px" }, { key: "group", label: "Group", value: (one) => one.group, width: "110px" },
                      { key: "node", label: "Node", value: (one) => one.node, show: (one) => <Link className="link" to={`/nodes/${one.node}`}>{one.node}</Link>, width: "minmax(200px, 2fr)" },
                      { key: "devices", label: "Devices", value: (one) => String(one.devices ?? ""), width: "100px" },
                      { key: "phase", label: "Phase", value: (one) => one.phase, width: "100px" },
                      { key: "end", label: "End", value: (one) => (one.end && one.end !== "none" ? `${one.end}${one.exitCode ? ` ${one.exitCode}` : ""}` : undefined), width: "120px" },
                      { key: "ran", label: "Ran", right: true, value: (one) => (one.started ? (one.ended ? ms(one.ended) : Date.now()) - ms(one.started) : undefined), show: (one) => (one.started ? span((one.ended ? ms(one.ended) : Date.now()) - ms(one.started)) : "–"), width: "110px" },
                      { key: "cpu", label: "CPU time", right: true, value: (one) => one.cpuTime, width: "110px" },
                      { key: "message", label: "Message", value: (one) => one.message, width: "minmax(120px, 1fr)" },
                    ]} />
                  </>
                )}
                <Card title="As it was submitted"><pre className="mono" style={{ maxHeight: 320, overflow: "auto" }} tabIndex={0}>{JSON.stringify(spec, null, 2)}</pre></Card>
              </div>
              {act && <Acting job={job} act={act} close={() => { setAct(null); void read.refetch(); }} />}
            </>
          );
        }}
      </Loaded>
    </div>
  );
}
