// The one table: sorts, filters, copies, saves as CSV, is walked by keys, and draws only the rows that are seen.
// Filter and order stand in the URL, so that they survive a reload and can be sent to somebody.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState, type ReactNode } from "react";
import { useNavigate, useSearchParams } from "react-router-dom";
import { copyRows, saveCsv } from "../lib/csv";
import { count } from "../lib/units";
import { Icon } from "./Icon";
import { Empty, Skeleton } from "./parts";

export interface Column<Row> {
  key: string;
  label: string;
  /** What it is sorted, filtered, copied and saved by. */
  value: (row: Row) => string | number | undefined;
  /** How it is shown; the value if absent. */
  show?: (row: Row) => ReactNode;
  /** A track of CSS grid. */
  width?: string;
  right?: boolean;
}

interface Props<Row> {
  /** Names its filter and order in the URL, and its CSV file. */
  name: string;
  title?: ReactNode;
  rows: Row[] | undefined;
  columns: Column<Row>[];
  id: (row: Row) => string;
  /** Where a row leads. */
  to?: (row: Row) => string;
  select?: (row: Row) => void;
  selected?: string;
  sort?: string;
  tools?: ReactNode;
  empty?: ReactNode;
  height?: number | string;
}

const rowHeight = 33;
const most = 60; // rows that are drawn without a window

function ordered<Row>(rows: Row[], columns: Column<Row>[], sort: string | undefined): Row[] {
  const down = sort?.startsWith("-");
  const column = columns.find(({ key }) => key === sort?.replace(/^-/, ""));
  if (!column) return rows;
  const collator = new Intl.Collator("en", { numeric: true });
  const keyed = rows.map((row) => [column.value(row), row] as const);
  keyed.sort(([a], [b]) => {
    if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1; // what is not known stands last
    const less = typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
    return down ? -less : less;
  });
  return keyed.map(([, row]) => row);
}

export function Table<Row>({ name, title, rows, columns, id, to, select, selected, sort: first, tools, empty, height }: Props<Row>) {
  const [search, setSearch] = useSearchParams();
  const navigate = useNavigate();
  const scroll = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0);
  const [copied, setCopied] = useState(false);
  const filter = search.get(`${name}.q`) ?? "";
  const sort = search.get(`${name}.sort`) ?? first;
  const put = (key: string, value: string | undefined) =>
    setSearch((now) => {
      if (value) now.set(`${name}.${key}`, value);
      else now.delete(`${name}.${key}`);
      return now;
    }, { replace: true });

  const shown = useMemo(() => {
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = words.length === 0 ? rows ?? [] : (rows ?? []).filter((row) => {
      const text = columns.map((column) => column.value(row) ?? "").join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    return ordered(kept, columns, sort);
  }, [rows, columns, filter, sort]);

  const windowed = shown.length > most;
  const virtual = useVirtualizer({ count: shown.length, getScrollElement: () => scroll.current, estimateSize: () => rowHeight, overscan: 12, enabled: windowed });
  const seen = windowed ? virtual.getVirtualItems().map(({ index }) => index) : shown.map((_, i) => i);
  const before = windowed && seen.length ? seen[0] * rowHeight : 0;
  const after = windowed && seen.length ? (shown.length - 1 - seen[seen.length - 1]) * rowHeight : 0;
  const tracks = columns.map(({ width }) => width ?? "minmax(96px, 1fr)").join(" ");
  const least = columns.reduce((sum, { width }) => sum + Number(/\d+/.exec(width ?? "96")![0]), 0);
  const table = () => [columns.map(({ label }) => label), ...shown.map((row) => columns.map(({ value }) => value(row)))];

  const open = (row: Row) => (select ? select(row) : to && navigate(to(row)));
  const focus = (index: number) => {
    const next = Math.max(0, Math.min(shown.length - 1, index));
    setAt(next);
    if (windowed) virtual.scrollToIndex(next);
    requestAnimationFrame(() => scroll.current?.querySelector<HTMLElement>(`[data-at="${next}"]`)?.focus());
  };
  const keys = (event: React.KeyboardEvent, index: number) => {
    const step: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9 };
    if (event.key in step && !event.ctrlKey && !event.metaKey) focus(index + step[event.key]);
    else if (event.key === "Enter") open(shown[index]);
    else if (event.key === "c" && (event.ctrlKey || event.metaKey) && !getSelection()?.toString()) void copyRows([columns.map(({ value }) => value(shown[index]))]);
    else return;
    event.preventDefault();
  };
  const label = typeof title === "string" ? title : name;

  return (
    <section className="card table">
      <div className="tools">
        {title && <h2>{title}</h2>}
        <span className="faint">{rows ? (shown.length === rows.length ? count(rows.length) : `${count(shown.length)} of ${count(rows.length)}`) : ""}</span>
        <span className="push row">
          {tools}
          <input className="input filter" type="search" placeholder="Filter" aria-label={`Filter ${label}`} data-filter value={filter}
            onChange={(event) => put("q", event.target.value || undefined)}
            onKeyDown={(event) => event.key === "ArrowDown" && focus(0)} />
          <button type="button" className="button quiet icon" title={copied ? "Copied" : "Copy as text"} aria-label={`Copy ${label}`} onClick={() => {
            void copyRows(table()).then(() => setCopied(true));
            setTimeout(() => setCopied(false), 1500);
          }}><Icon name={copied ? "audit" : "copy"} /></button>
          <button type="button" className="button quiet icon" title="Save as CSV" aria-label={`Save ${label} as CSV`} onClick={() => saveCsv(name, table())}><Icon name="save" /></button>
        </span>
      </div>
      <div className="scroll" ref={scroll} style={{ maxHeight: height ?? (windowed ? "min(70vh, 900px)" : undefined) }}>
        <div role="table" aria-label={label} aria-rowcount={shown.length + 1} aria-busy={!rows} style={{ minWidth: least }}>
          <div role="rowgroup" className="heads">
            <div role="row" style={{ gridTemplateColumns: tracks }}>
              {columns.map((column) => (
                <div key={column.key} role="columnheader" className={column.right ? "num" : ""}
                  aria-sort={sort === column.key ? "ascending" : sort === `-${column.key}` ? "descending" : "none"}>
                  {column.label && <button type="button" onClick={() => put("sort", sort === column.key ? `-${column.key}` : sort === `-${column.key}` ? undefined : column.right ? `-${column.key}` : column.key)}>{column.label}</button>}
                </div>
              ))}
            </div>
          </div>
          <div role="rowgroup" className="rows">
            {before > 0 && <div className="pad" style={{ height: before }} />}
            {seen.map((index) => {
              const row = shown[index];
              if (!row) return null;
              const key = id(row);
              return (
                <div role="row" key={key} data-at={index} tabIndex={index === Math.min(at, shown.length - 1) ? 0 : -1} className={to || select ? "goes" : ""}
                  aria-rowindex={index + 2} aria-selected={selected === undefined ? undefined : selected === key} style={{ gridTemplateColumns: tracks, height: rowHeight }}
                  onClick={(event) => {
                    if ((event.target as HTMLElement).closest("a, button") || getSelection()?.toString()) return;
                    setAt(index);
                    open(row);
                  }}
                  onKeyDown={(event) => event.target === event.currentTarget && keys(event, index)}>
                  {columns.map((column) => (
                    <div role="cell" key={column.key} className={column.right ? "num" : ""}>{column.show ? column.show(row) : column.value(row) ?? <span className="faint">–</span>}</div>
                  ))}
                </div>
              );
            })}
            {after > 0 && <div className="pad" style={{ height: after }} />}
          </div>
        </div>
        {!rows && <div className="stack" style={{ padding: 12, gap: 17 }} aria-hidden="true">{[...Array(6)].map((_, i) => <Skeleton key={i} width={`${88 - i * 7}%`} />)}</div>}
        {rows && shown.length === 0 && (rows.length > 0 ? <Empty title="Nothing matches">Nothing of {count(rows.length)} has “{filter}” in it.</Empty> : empty ?? <Empty title="Nothing here" />)}
      </div>
    </section>
  );
}
