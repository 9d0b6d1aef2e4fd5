// The output of one task, as it comes. The last 256 KiB are kept.
import { useEffect, useRef, useState } from "react";
import { named, stream } from "../../api/client";
import { Problem } from "../../design/parts";

const most = 256 * 1024;

export function Log({ job, rank, running }: { job: string; rank: number; running: boolean }) {
  const [text, setText] = useState("");
  const [state, setState] = useState<"reading" | "over">("reading");
  const [error, setError] = useState<unknown>(null);
  const [tries, setTries] = useState(0);
  const box = useRef<HTMLPreElement>(null);
  const stick = useRef(true);

  useEffect(() => {
    const stop = new AbortController();
    let kept = "";
    let due = 0;
    setText("");
    setError(null);
    setState("reading");
    (async () => {
      const body = await stream(named("/v1/jobs", job) + "/logs", { rank, follow: running ? 1 : undefined }, stop.signal);
      const reader = body.getReader();
      const decoder = new TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        kept = (kept + decoder.decode(value, { stream: true })).slice(-most);
        due ||= requestAnimationFrame(() => {
          due = 0;
          setText(kept);
        });
      }
      setText(kept);
      setState("over");
    })().catch((failed) => !stop.signal.aborted && setError(failed));
    return () => {
      stop.abort();
      cancelAnimationFrame(due);
    };
    // `running` only chooses how the reading begins; a task that ends closes its stream by itself.
  }, [job, rank, tries]);
  useEffect(() => {
    if (stick.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [text]);

  if (error) return <div style={{ padding: 12 }}><Problem error={error} retry={() => setTries(tries + 1)} /></div>;
  return (
    <pre className="log" ref={box} tabIndex={0} aria-label={`Output of rank ${rank}`} onScroll={(event) => { const at = event.currentTarget; stick.current = at.scrollHeight - at.scrollTop - at.clientHeight < 24; }}>
      {text || <span className="faint">{state === "over" ? "It wrote nothing." : "Nothing yet."}</span>}
    </pre>
  );
}
