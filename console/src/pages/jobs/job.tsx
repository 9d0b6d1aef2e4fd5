// What pages say of a job.
import type { Job } from "../../api/types";
import { Badge, type Tone } from "../../design/parts";
import { ms, span } from "../../lib/time";
import { quantity } from "../../lib/units";

const tones: Record<string, Tone> = { pending: "hollow", starting: "busy", running: "busy", stopping: "warn", succeeded: "ok", failed: "bad", cancelled: "idle" };

export const Phase = ({ job }: { job: Job }) => <Badge tone={tones[job.status.phase] ?? "idle"}>{job.status.held ? "held back" : job.status.phase}</Badge>;

export const final = (job: Job) => ["succeeded", "failed", "cancelled"].includes(job.status.phase);
export const owner = (job: Job) => job.metadata.name.split("/").slice(0, 2).join("/");
export const askedGpus = (job: Job) => job.spec.groups.reduce((sum, group) => sum + group.replicas * quantity(group.gpus as string), 0);
export const askedTasks = (job: Job) => job.spec.groups.reduce((sum, group) => sum + group.replicas, 0);

/** How long it has run, or waited so far. */
export function age(job: Job, now: number): number {
  const { started, ended } = job.status;
  if (started) return (ended ? ms(ended) : now) - ms(started);
  return (ended ? ms(ended) : now) - ms(job.metadata.created);
}
export const ageText = (job: Job, now: number) => span(age(job, now));
