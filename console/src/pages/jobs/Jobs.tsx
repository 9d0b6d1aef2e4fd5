// Workloads: what waits, runs and has ended, as it changes.
import { useMemo } from "react";
import { Link, useSearchParams } from "react-router-dom";
import { useJobs } from "../../api/jobs";
import { useAll } from "../../api/read";
import { may } from "../../api/rights";
import { useSession } from "../../api/session";
import type { Job } from "../../api/types";
import { Empty, Head, Problem, Segments } from "../../design/parts";
import { Table, type Column } from "../../design/Table";
import { moment } from "../../lib/time";
import { count, quantity } from "../../lib/units";
import { ageText, age, askedGpus, final, Phase } from "./job";

const phases = [["", "Live"], ["pending", "Waiting"], ["running", "Running"], ["ended", "Ended"], ["archive", "Archive"]] as const;

function columns(now: number): Column<Job>[] {
  return [
    { key: "name", label: "Workload", value: ({ metadata }) => metadata.name, show: ({ metadata }) => <Link className="link" to={`/jobs/${metadata.name}`}>{metadata.name}</Link>, width: "minmax(240px, 2fr)" },
    { key: "phase", label: "Phase", value: ({ status }) => status.phase, show: (job) => <Phase job={job} />, width: "120px" },
    { key: "gpus", label: "GPUs", right: true, value: askedGpus, show: (job) => count(askedGpus(job)), width: "80px" },
    { key: "site", label: "Site", value: ({ status }) => status.allocation?.site ?? status.promise?.site, width: "130px" },
    { key: "contract", label: "Contract", value: ({ status }) => status.contract, width: "minmax(130px, 1fr)" },
    { key: "why", label: "Why", value: ({ status }) => status.message || (status.promise ? "promised" : status.reason === "none" ? undefined : status.reason), width: "minmax(160px, 1.6fr)",
      show: ({ status }) => status.promise ? <>promised{status.promise.at ? ` by ${moment(status.promise.at, false)}` : ""}</> : status.message || (status.reason === "none" ? "" : status.reason) },
    { key: "priority", label: "Priority", right: true, value: ({ spec }) => spec.priority ?? 0, width: "84px" },
    { key: "created", label: "Submitted", value: ({ metadata }) => metadata.created, show: ({ metadata }) => moment(metadata.created), width: "160px" },
    { key: "age", label: "Ran or waited", right: true, value: (job) => age(job, now), show: (job) => ageText(job, now), width: "116px" },
  ];
}

function Archive() {
  const list = useAll<Job>("/v1/archive/jobs", {}, { topics: ["jobs"], every: 10_000, most: 5000 });
  if (list.error && !list.data) return <Problem error={list.error} retry={() => void list.refetch()} />;
  return <Table name="jobs" title="Archive" rows={list.data} columns={columns(Date.now())} id={({ metadata }) => String(metadata.uid)} to={({ metadata }) => `/jobs/${metadata.name}`} sort="-created" />;
}

export default function Jobs() {
  const { identity } = useSession();
  const [search, setSearch] = useSearchParams();
  const phase = search.get("phase") ?? "";
  const jobs = useJobs();
  const shown = useMemo(() => jobs.items?.filter((job) => {
    if (phase === "ended") return final(job);
    if (phase === "pending") return job.status.phase === "pending";
    if (phase === "running") return job.status.phase === "running" || job.status.phase === "starting" || job.status.phase === "stopping";
    return !final(job);
  }), [jobs.items, phase]);
  const live = jobs.items?.filter((job) => !final(job));
  const waiting = live?.filter((job) => job.status.phase === "pending") ?? [];
  const held = live?.reduce((sum, job) => sum + quantity(job.status.allocation?.gpus as string | undefined), 0) ?? 0;
  return (
    <div className="page">
      <Head title="Workloads" sub={live ? `${count(live.length - waiting.length)} hold ${count(held)} GPUs · ${count(waiting.length)} wait for ${count(waiting.reduce((sum, job) => sum + askedGpus(job), 0))}` : " "}>
        <Segments label="Which" value={phase} of={phases} set={(next) => setSearch((now) => { if (next) now.set("phase", next); else now.delete("phase"); return now; }, { replace: true })} />
        {may(identity, "write-jobs") && <Link className="button primary" to="/submit">Submit</Link>}
      </Head>
      {jobs.error !== null && jobs.error !== undefined && <Problem error={jobs.error} retry={jobs.retry} />}
      {phase === "archive" ? <Archive /> : (
        <Table name="jobs" title="Jobs" rows={shown} columns={columns(Date.now())} id={({ metadata }) => String(metadata.uid)} to={({ metadata }) => `/jobs/${metadata.name}`} sort="-created"
          empty={<Empty title={phase === "ended" ? "Nothing has ended lately" : phase === "pending" ? "Nobody waits" : "Nothing runs or waits"}>Ended jobs stay here for an hour, the last 2,000 of them; the archive has all.</Empty>} />
      )}
    </div>
  );
}
