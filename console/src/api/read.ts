// Reading for pages: cached, and read again when a topic of it changes.
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { all, get, type Query } from "./client";
import type { Topic } from "./live";

interface Options {
  topics?: Topic[];
  /** The least time between two reads, in milliseconds. */
  every?: number;
  enabled?: boolean;
}

/** What was read, and how long it took in milliseconds. */
export interface Read<T> {
  data: T;
  took: number;
}

async function timed<T>(read: Promise<T>): Promise<Read<T>> {
  const began = performance.now();
  const data = await read;
  return { data, took: performance.now() - began };
}

const settings = { staleTime: 5_000, gcTime: 60_000, retry: false, refetchOnWindowFocus: false, refetchOnReconnect: false } as const;

export type Answer<T> = Omit<UseQueryResult<Read<T>>, "data"> & { data: T | undefined };

function opened<T>(result: UseQueryResult<Read<T>>): Answer<T> {
  return { ...result, data: result.data?.data } as Answer<T>;
}

export function useRead<T>(path: string, query: Query = {}, options: Options = {}): Answer<T> {
  return opened(useQuery({
    queryKey: [path, query],
    queryFn: ({ signal }) => timed(get<T>(path, query, signal)),
    enabled: options.enabled ?? true,
    meta: { topics: options.topics ?? [], every: options.every ?? 1000 },
    ...settings,
  }));
}

/** All pages of a list. */
export function useAll<T>(path: string, query: Query = {}, options: Options & { most?: number } = {}): Answer<T[]> {
  return opened(useQuery({
    queryKey: [path, "all", query],
    queryFn: ({ signal }) => timed(all<T>(path, query, signal, options.most).then((list) => list.items)),
    enabled: options.enabled ?? true,
    meta: { topics: options.topics ?? [], every: options.every ?? 2000 },
    ...settings,
  }));
}
