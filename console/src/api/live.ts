// The watch: one stream of what changes, resumed where it broke. Pages say which topics they show, and are read again
// when one of them has changed, at most as often as they asked for.
import { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { Away, get, Refused, stream } from "./client";
import { may } from "./rights";
import { session } from "./session";
import { events } from "./sse";

export type Topic = "jobs" | "nodes" | "power" | "objects" | "accounts" | "contracts" | "access";

export interface LiveState {
  state: "starting" | "live" | "lost";
  position: number;
  /** When the server was last heard. */
  heard: number;
  /** Events since the page was opened. */
  events: number;
}

const topicsOf: Record<string, Topic[]> = {
  "job.submitted": ["jobs"], "job.finished": ["jobs", "nodes", "power"], "job.started": ["jobs", "nodes", "power"],
  "job.requeued": ["jobs", "nodes", "power"], "job.shed": ["jobs", "power"], "job.restored": ["jobs", "power"],
  "job.repowered": ["jobs", "power"], "node.lost": ["nodes", "power"], "node.returned": ["nodes", "power"],
  "node.registered": ["nodes"], "limits.changed": ["power", "nodes"], "limits.broken": ["power"], "limits.restored": ["power"],
  "maintenance.revoked": ["power", "objects"], "object.applied": ["objects", "nodes", "power", "contracts", "access"],
  "object.deleted": ["objects", "nodes", "power", "contracts", "access"], "contracts.breached": ["contracts"],
  "contracts.restored": ["contracts"], "usage.recorded": ["accounts"], "books.cut": ["accounts"], "meter.read": ["accounts"],
  "account.adjusted": ["accounts"], "invoice.issued": ["accounts"], "month.closed": ["accounts"], "budget.reached": ["accounts"],
  "token.issued": ["access"], "token.revoked": ["access"],
};
const patience = 40_000; // a quiet stream says something every 15 s
const beat = 250;

let current: LiveState = { state: "starting", position: 0, heard: 0, events: 0 };
const listeners = new Set<() => void>();
const dirty = new Map<Topic, number>(); // when it last changed
let stop: AbortController | null = null;

function set(next: Partial<LiveState>) {
  current = { ...current, ...next };
  listeners.forEach((tell) => tell());
}

const note = (topic: Topic) => dirty.set(topic, Date.now());
const everything: Topic[] = ["jobs", "nodes", "power", "objects", "accounts", "contracts", "access"];

export function useLive(): LiveState {
  return useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, () => current);
}

/** Follows one stream until `signal`: resumes after breaks, tells when the position is no longer kept. */
export async function follow(options: {
  path: string;
  from: () => number;
  signal: AbortSignal;
  opened: () => void;
  broken: () => void;
  gone: () => Promise<void>;
  alive: () => void;
  each: (event: string, position: number, data: string) => void;
}) {
  let pause = 500;
  while (!options.signal.aborted) {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    options.signal.addEventListener("abort", end);
    let watchdog = setTimeout(end, patience);
    try {
      const body = await stream(options.path, { watch: 1 }, attempt.signal, { "Last-Event-ID": String(options.from()) });
      pause = 500;
      options.opened();
      const alive = () => {
        clearTimeout(watchdog);
        watchdog = setTimeout(end, patience);
        options.alive();
      };
      for await (const event of events(body, alive)) options.each(event.event, Number(event.id), event.data);
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof Refused && error.problem.status === 401) return;
      if (error instanceof Refused && error.problem.code === "gone") await options.gone().catch(() => undefined);
    } finally {
      clearTimeout(watchdog);
      options.signal.removeEventListener("abort", end);
    }
    if (options.signal.aborted) return;
    options.broken();
    await new Promise<void>((wake) => {
      const timer = setTimeout(done, pause);
      function done() {
        clearTimeout(timer);
        removeEventListener("online", done);
        wake();
      }
      addEventListener("online", done);
    });
    pause = Math.min(pause * 2, 8000);
  }
}

/** Starts watching for this session. What is read from now on misses nothing: reads come after the position. */
export function startLive(client: QueryClient): () => void {
  stop?.abort();
  const mine = (stop = new AbortController());
  const estate = may(session().identity, "read-estate");
  let heardAt = 0;
  let seen = 0;
  let position = 0;
  const begin = async () => {
    position = (await get<{ position: number }>("/v1/jobs", { limit: 1 }, mine.signal)).position;
    everything.forEach(note);
  };
  const run = async () => {
    while (!mine.signal.aborted && !position) {
      await begin().catch(async (error) => {
        if (error instanceof Away) set({ state: "lost" });
        await new Promise((wake) => setTimeout(wake, 1000));
      });
    }
    if (mine.signal.aborted) return;
    await follow({
      path: estate ? "/v1/events" : "/v1/jobs",
      from: () => position,
      signal: mine.signal,
      opened: () => {
        // Reads may have failed while it was away.
        if (current.state === "lost") everything.forEach(note);
        set({ state: "live", heard: Date.now(), position });
      },
      broken: () => set({ state: "lost" }),
      gone: begin,
      alive: () => (heardAt = Date.now()),
      each: (event, at, data) => {
        position = Math.max(position, at);
        seen++;
        if (event === "changed" || event === "removed") note("jobs");
        if (event !== "event") return;
        const type = /"type":"([a-z.]+)"/.exec(data)?.[1] ?? "";
        for (const topic of topicsOf[type] ?? (type.startsWith("job") || type === "task.changed" ? (["jobs"] as const) : [])) note(topic);
      },
    });
  };
  void run();

  const timer = setInterval(() => {
    if (current.state === "live" && (seen > 0 || heardAt - current.heard > 1000)) {
      set({ position, heard: heardAt, events: current.events + seen });
      seen = 0;
    }
    if (document.hidden || current.state !== "live") return;
    const now = Date.now();
    for (const query of client.getQueryCache().getAll()) {
      const { topics, every = 1000 } = (query.meta ?? {}) as { topics?: Topic[]; every?: number };
      if (!topics || !query.isActive() || query.state.fetchStatus !== "idle") continue;
      const read = query.state.dataUpdatedAt;
      const cost = (query.state.data as { took?: number } | undefined)?.took ?? 0;
      if (now - read < Math.max(every, cost * 4)) continue; // a slow answer is asked for less often
      if (topics.some((topic) => (dirty.get(topic) ?? 0) > read - cost)) void query.fetch().catch(() => undefined);
    }
  }, beat);
  return () => {
    mine.abort();
    clearInterval(timer);
    dirty.clear();
    set({ state: "starting", position: 0, heard: 0, events: 0 });
  };
}
