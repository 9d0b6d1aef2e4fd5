// Small parts that every page uses: state, progress, waiting, refusals, drawers.
import { useEffect, useRef, type ReactNode } from "react";
import { Away, Refused } from "../api/client";
import type { Answer } from "../api/read";
import { percent } from "../lib/units";
import { Icon } from "./Icon";

export type Tone = "ok" | "warn" | "bad" | "busy" | "idle" | "hollow";

export const Badge = ({ tone, children }: { tone: Tone; children: ReactNode }) => <span className={`badge ${tone}`}>{children}</span>;

/** Parts of a whole, side by side. */
export function Bar({ parts, label }: { parts: { part: number; color?: string }[]; label: string }) {
  return (
    <span className="bar" role="img" aria-label={label}>
      {parts.filter(({ part }) => part > 0).map(({ part, color }, i) => <i key={i} style={{ width: `${Math.min(1, part) * 100}%`, background: color }} />)}
    </span>
  );
}

/** How much of a limit is used; colour only where it matters. */
export function Meter({ value, of, label }: { value: number; of: number; label: string }) {
  const part = of > 0 ? value / of : NaN;
  return (
    <span className="meter">
      <Bar label={`${label}: ${percent(part)}`} parts={[{ part, color: part > 1 ? "var(--bad)" : part > 0.9 ? "var(--warn)" : undefined }]} />
      <span>{percent(part)}</span>
    </span>
  );
}

export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {of.filter(([, value]) => value !== undefined && value !== null && value !== "").map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Card({ title, tools, children, bare }: { title?: ReactNode; tools?: ReactNode; children: ReactNode; bare?: boolean }) {
  return (
    <section className="card">
      {title && <header><h2>{title}</h2>{tools && <div className="row push">{tools}</div>}</header>}
      {bare ? children : <div className="body">{children}</div>}
    </section>
  );
}

export function Head({ title, sub, children }: { title: ReactNode; sub?: ReactNode; children?: ReactNode }) {
  return (
    <div className="head">
      <div className="titles">
        <h1>{title}</h1>
        <div className="sub">{sub}</div>
      </div>
      {children && <div className="actions">{children}</div>}
    </div>
  );
}

export const Skeleton = ({ height = 16, width = "100%" }: { height?: number; width?: number | string }) => (
  <span className="skeleton" style={{ height, width }} aria-hidden="true" />
);

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return <div className="empty"><b>{title}</b>{children}</div>;
}

/** Why something could not be done: what, where, and what to do. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const refused = error instanceof Refused ? error.problem : null;
  const away = error instanceof Away;
  const where = refused && [refused.file, refused.line, refused.column].filter(Boolean).join(":");
  return (
    <div className={`notice ${away ? "warn" : "bad"}`} role="alert">
      <div className="what">
        <b>{refused ? refused.title : away ? "The server does not answer" : "Something went wrong"}</b>
        <p>{refused ? refused.detail : away ? "What is shown may be old. It is read again as soon as the server is back." : String((error as Error)?.message ?? error)}</p>
        {(refused?.path || where) && <p className="mono">{[where, refused?.path].filter(Boolean).join(" ")}</p>}
        {refused?.errors?.slice(0, 8).map((more, i) => <p key={i} className="mono">{[more.file, more.line].filter(Boolean).join(":")} {more.path}: {more.message}</p>)}
      </div>
      {retry && <button type="button" className="button" onClick={retry}>Try again</button>}
    </div>
  );
}

/** Shows what was read; a skeleton of its height before, the refusal instead. Old data stays while it is read again. */
export function Loaded<T>({ of, height = 160, children }: { of: Answer<T>; height?: number; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error) return <Problem error={of.error} retry={() => void of.refetch()} />;
  return <div aria-busy="true"><Skeleton height={height} /></div>;
}

function useShown(close: () => void) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return {
    ref,
    onCancel: (event: React.SyntheticEvent) => {
      event.preventDefault();
      close();
    },
    onClick: (event: React.MouseEvent) => {
      if (event.target === ref.current) close();
    },
  };
}

export function Drawer({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  return (
    <dialog className="drawer" aria-label={title} {...useShown(close)}>
      <header><h2>{title}</h2><button type="button" className="button quiet icon" aria-label="Close" onClick={close}><Icon name="close" /></button></header>
      <div className="body stack">{children}</div>
    </dialog>
  );
}

export function Modal({ title, close, children, foot }: { title: string; close: () => void; children: ReactNode; foot?: ReactNode }) {
  return (
    <dialog className="modal" aria-label={title} {...useShown(close)}>
      <header><h2>{title}</h2><button type="button" className="button quiet icon" aria-label="Close" onClick={close}><Icon name="close" /></button></header>
      <div className="body stack">{children}</div>
      {foot && <footer>{foot}</footer>}
    </dialog>
  );
}

export function Segments<T extends string>({ value, of, set, label }: { value: T; of: readonly (readonly [T, string])[]; set: (value: T) => void; label: string }) {
  return (
    <div className="segments" role="group" aria-label={label}>
      {of.map(([key, text]) => <button key={key} type="button" aria-pressed={key === value} onClick={() => set(key)}>{text}</button>)}
    </div>
  );
}
