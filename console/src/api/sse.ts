// Server-sent events out of a fetch: EventSource cannot send an Authorization header.

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

/** Yields events until the stream ends. `alive` is called for every sign of life, comments too. */
export async function* events(body: ReadableStream<Uint8Array>, alive: () => void): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      rest += decoder.decode(value, { stream: true });
      let end: number;
      let start = 0;
      while ((end = rest.indexOf("\n\n", start)) >= 0) {
        const found: ServerEvent = { id: "", event: "", data: "" };
        for (const line of rest.slice(start, end).split("\n")) {
          if (line.startsWith("data: ")) found.data = line.slice(6);
          else if (line.startsWith("id: ")) found.id = line.slice(4);
          else if (line.startsWith("event: ")) found.event = line.slice(7);
        }
        start = end + 2;
        if (found.event) yield found;
      }
      rest = rest.slice(start);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
