// The floor plan with what it can be coloured by, its legend, and a rack's figures under the pointer or the keys.
import { useEffect, useMemo, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router-dom";
import { useRead } from "../../api/read";
import type { Floor } from "../../api/types";
import { Card, Loaded, Segments } from "../../design/parts";
import { date } from "../../lib/time";
import { count, percent, quantity, watts } from "../../lib/units";
import { useTheme } from "../../shell/theme";
import { FloorView, holder, type Measure, type Rack } from "./floorView";

const measures = [["power", "Power"], ["free", "Free GPUs"], ["health", "Health"], ["tenant", "Tenant"], ["contract", "Contract"]] as const;

function Told({ name, rack }: { name: string; rack: Rack }) {
  return (
    <>
      <b>{name}</b>
      {rack.from ? <>Ready from {date(rack.from)}<br /></> : null}
      {count(rack.nodes ?? 0)} nodes{rack.type ? `, ${rack.type}` : ""}<br />
      {count(rack.free ?? 0)} of {count(rack.gpus ?? 0)} GPUs free<br />
      {watts(quantity(rack.draw))} of {watts(quantity(rack.max))} ({percent(quantity(rack.draw) / (quantity(rack.max) || 1))})
      {!rack.from && rack.dark ? <><br />Dark: no live feed</> : null}
      {!rack.from && rack.unready ? <><br />{count(rack.unready)} nodes cannot take work</> : null}
      {(rack.holders ?? []).slice(0, 4).map(({ contract, gpus }) => <span key={contract}><br />{contract}: {gpus}</span>)}
    </>
  );
}

function Plan({ floor, measure, site }: { floor: Floor; measure: Measure; site: string }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<FloorView | null>(null);
  const navigate = useNavigate();
  const theme = useTheme();
  const [at, setAt] = useState(-1);

  useEffect(() => {
    const floorView = (view.current = new FloorView(canvas.current!));
    Object.assign(canvas.current!, { floorView }); // for the script that measures frames
    floorView.setTheme();
    const observer = new ResizeObserver(([entry]) => floorView.resize(entry.contentRect.width, entry.contentRect.height));
    observer.observe(box.current!);
    // React listens to wheels passively.
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const { left, top } = box.current!.getBoundingClientRect();
      floorView.zoom(event.clientX - left, event.clientY - top, Math.exp(-event.deltaY * 0.0015));
    };
    const host = box.current!;
    host.addEventListener("wheel", wheel, { passive: false });
    return () => {
      host.removeEventListener("wheel", wheel);
      observer.disconnect();
      floorView.destroy();
    };
  }, []);
  useEffect(() => view.current?.setTheme(), [theme]);
  useEffect(() => view.current?.setFloor(floor), [floor]);
  useEffect(() => view.current?.setMeasure(measure), [measure]);

  const drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const choose = (index: number) => {
    view.current?.select(index);
    setAt(index);
  };
  const open = (index: number) => {
    const cell = view.current?.cell(index);
    if (cell) navigate(`/racks/${site}/${cell.name}`);
  };
  const cell = view.current?.cell(at);
  const spot = cell && view.current!.where(at);

  return (
    <div className="floor" ref={box} tabIndex={0} role="application" aria-label={`Floor plan of ${site}: arrow keys choose a rack, Enter opens it, plus and minus zoom, 0 shows all`}
      onPointerDown={(event) => { drag.current = { x: event.clientX, y: event.clientY, moved: false }; event.currentTarget.setPointerCapture(event.pointerId); }}
      onPointerMove={(event) => {
        const { left, top } = event.currentTarget.getBoundingClientRect();
        if (!drag.current) return choose(view.current!.find(event.clientX - left, event.clientY - top));
        const [dx, dy] = [event.clientX - drag.current.x, event.clientY - drag.current.y];
        if (!drag.current.moved && Math.hypot(dx, dy) < 4) return;
        drag.current = { x: event.clientX, y: event.clientY, moved: true };
        choose(-1);
        view.current!.pan(dx, dy);
      }}
      onPointerUp={(event) => {
        const { left, top } = event.currentTarget.getBoundingClientRect();
        if (drag.current && !drag.current.moved) open(view.current!.find(event.clientX - left, event.clientY - top));
        drag.current = null;
      }}
      onPointerLeave={() => { drag.current = null; choose(-1); }}
      onKeyDown={(event) => {
        const v = view.current!;
        const moves: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
        const { clientWidth: w, clientHeight: h } = event.currentTarget;
        if (moves[event.key]) choose(v.step(...moves[event.key]));
        else if (event.key === "Enter") open(at);
        else if (event.key === "+" || event.key === "=") v.zoom(w / 2, h / 2, 1.25);
        else if (event.key === "-") v.zoom(w / 2, h / 2, 0.8);
        else if (event.key === "0") v.fit();
        else return;
        event.preventDefault();
      }}>
      <canvas ref={canvas} aria-hidden="true" />
      {cell && spot && (
        <div className="hint" role="status" style={spot.x > (box.current?.clientWidth ?? 0) - 280 ? { right: (box.current?.clientWidth ?? 0) - spot.x + 8, top: Math.max(4, spot.y - 20) } : { left: spot.x + spot.w + 8, top: Math.max(4, Math.min(spot.y - 20, (box.current?.clientHeight ?? 0) - 140)) }}>
          <Told name={cell.name} rack={cell.rack} />
        </div>
      )}
    </div>
  );
}

function Legend({ floor, measure }: { floor: Floor; measure: Measure }) {
  const theme = useTheme();
  const names = useMemo(() => {
    if (measure !== "tenant" && measure !== "contract") return [];
    const sums = new Map<string, number>();
    for (const hall of floor.halls) for (const row of hall.rows) for (const rack of row.racks) {
      const name = holder(rack, measure);
      if (name) sums.set(name, (sums.get(name) ?? 0) + 1);
    }
    return [...sums].sort((a, b) => b[1] - a[1]);
  }, [floor, measure]);
  const painter = useMemo(() => {
    const view = new FloorView(document.createElement("canvas"));
    view.setTheme();
    view.setMeasure(measure);
    view.setFloor(floor);
    return view;
  }, [floor, measure, theme]);
  useEffect(() => () => painter.destroy(), [painter]);
  if (measure === "tenant" || measure === "contract") {
    return <span className="legend">{names.length === 0 ? "no rack is held" : names.slice(0, 6).map(([name]) => <span key={name}><i style={{ background: painter.colorOf(name) }} />{name}</span>)}{names.length > 6 && <span>and {names.length - 6} more</span>}</span>;
  }
  if (measure === "health") return <span className="legend"><span><i style={{ background: "var(--bar)" }} />all nodes ready</span><span><i style={{ background: "var(--bad)" }} />out or dark</span></span>;
  return <span className="scale">{measure === "power" ? "idle" : "none free"}<i style={{ background: "linear-gradient(90deg, var(--track), var(--bar))" }} />{measure === "power" ? "full power" : "all free"}</span>;
}

export function FloorPlan({ site }: { site: string }) {
  const [search, setSearch] = useSearchParams();
  const floor = useRead<Floor>(`/v1/sites/${site}/floor`, {}, { topics: ["jobs", "nodes", "power"], every: 1000 });
  const measure = (measures.find(([key]) => key === search.get("by"))?.[0] ?? "power") as Measure;
  return (
    <Card title="Floor" bare tools={<>{floor.data && <Legend floor={floor.data} measure={measure} />}
      <Segments label="Colour by" value={measure} of={measures} set={(by) => setSearch((now) => { now.set("by", by); return now; }, { replace: true })} /></>}>
      <Loaded of={floor} height={520}>{(data) => <Plan floor={data} measure={measure} site={site} />}</Loaded>
    </Card>
  );
}
