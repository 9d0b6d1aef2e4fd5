// Jobs as a list that follows its watch: read once, then told what changes.
import { useEffect, useState } from "react";
import { all } from "./client";
import { follow } from "./live";
import type { Job } from "./types";

export interface JobList {
  items: Job[] | undefined;
  error: unknown;
  retry: () => void;
}

const pause = 300; // between two pictures of the list
const mostEnded = 2000; // kept of those that have ended, however long the page is open; the archive has all

const ended = ({ status }: Job) => status.ended !== undefined && status.ended !== null;

export function useJobs(): JobList {
  const [state, setState] = useState<{ items: Job[] | undefined; error: unknown }>({ items: undefined, error: null });
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const jobs = new Map<string, Job>();
    let position = 0;
    let changed = false;
    const load = async () => {
      const list = await all<Job>("/v1/jobs", {}, stop.signal);
      jobs.clear();
      for (const job of list.items) jobs.set(job.metadata.name, job);
      position = list.position;
      setState({ items: [...jobs.values()], error: null });
    };
    const timer = setInterval(() => {
      if (!changed || document.hidden) return;
      changed = false;
      const over = [...jobs.values()].filter(ended);
      if (over.length > mostEnded * 1.25) {
        over.sort((a, b) => (a.status.ended! < b.status.ended! ? -1 : 1));
        for (const job of over.slice(0, -mostEnded)) jobs.delete(job.metadata.name);
      }
      setState({ items: [...jobs.values()], error: null });
    }, pause);
    load()
      .then(() => follow({
        path: "/v1/jobs", from: () => position, signal: stop.signal, opened: () => undefined, broken: () => undefined, gone: load, alive: () => undefined,
        each: (event, at, data) => {
          position = Math.max(position, at);
          if (event !== "changed" && event !== "removed") return;
          const job = JSON.parse(data) as Job;
          if (event === "removed") jobs.delete(job.metadata.name);
          else jobs.set(job.metadata.name, job);
          changed = true;
        },
      }))
      .catch((error) => !stop.signal.aborted && setState((now) => ({ ...now, error })));
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [tries]);
  return { ...state, retry: () => setTries((n) => n + 1) };
}
