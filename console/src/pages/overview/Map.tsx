// Sites on a map of dots. Only the country of a site is known, so sites of one country lie around its middle.
import { useEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router-dom";
import { useQuery } from "@tanstack/react-query";
import type { SiteOverview } from "../../api/types";
import { useTheme } from "../../shell/theme";
import { count, gpus, percent } from "../../lib/units";
import { country, gpuSums, stateOf } from "../site/state";

interface Land {
  step: number;
  north: number;
  rows: number[][];
  middles: Record<string, [number, number]>;
}
interface Placed {
  site: SiteOverview;
  x: number;
  y: number;
  r: number;
}

const mercator = (lat: number) => (Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360)) * 180) / Math.PI;

/** Scales degrees to pixels so that all countries with sites are in view. */
function fit(points: [number, number][], width: number, height: number) {
  const xs = points.map(([lon]) => lon);
  const ys = points.map(([, lat]) => mercator(lat));
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min(width / Math.max(x1 - x0 + 14, 36), height / Math.max(y1 - y0 + 18, 24));
  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return {
    x: (lon: number) => width / 2 + (lon - cx) * scale,
    y: (lat: number) => height / 2 - (mercator(lat) - cy) * scale,
    lon: (x: number) => (x - width / 2) / scale + cx,
    lat: (y: number) => (Math.atan(Math.exp((((height / 2 - y) / scale + cy) * Math.PI) / 180)) * 360) / Math.PI - 90,
  };
}

function place(sites: SiteOverview[], land: Land, width: number, height: number): { placed: Placed[]; view: ReturnType<typeof fit> } {
  const known = sites.filter(({ country: code }) => land.middles[code]);
  const view = fit(known.map(({ country: code }) => land.middles[code]), width, height);
  const most = Math.max(1, ...known.map((site) => gpuSums([site]).delivered));
  const placed: Placed[] = known.map((site) => {
    const [lon, lat] = land.middles[site.country];
    return { site, x: view.x(lon), y: view.y(lat), r: 5 + 9 * Math.sqrt(gpuSums([site]).delivered / most) };
  });
  // Push apart what overlaps, the same way every time.
  placed.forEach((one, i) => {
    one.x += Math.cos(i * 2.4) * 2;
    one.y += Math.sin(i * 2.4) * 2;
  });
  for (let round = 0; round < 60; round++) {
    for (const a of placed) {
      for (const b of placed) {
        if (a === b) continue;
        const [dx, dy] = [b.x - a.x, b.y - a.y];
        const gap = Math.hypot(dx, dy) || 0.01;
        const wanted = a.r + b.r + 3;
        if (gap >= wanted) continue;
        const push = (wanted - gap) / 2 / gap;
        a.x -= dx * push;
        a.y -= dy * push;
        b.x += dx * push;
        b.y += dy * push;
      }
    }
    for (const one of placed) {
      one.x = Math.min(width - one.r - 4, Math.max(one.r + 4, one.x));
      one.y = Math.min(height - one.r - 4, Math.max(one.r + 4, one.y));
    }
  }
  return { placed, view };
}

export function SiteMap({ sites }: { sites: SiteOverview[] }) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const [size, setSize] = useState({ width: 0, height: 0 });
  const [shown, setShown] = useState<string | null>(null);
  const land = useQuery({ queryKey: ["land"], queryFn: async (): Promise<Land> => (await fetch("/console/land.json")).json(), staleTime: Infinity, gcTime: Infinity });

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setSize({ width: entry.contentRect.width, height: entry.contentRect.height }));
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  // Where sites lie changes with what stands there, not with every reading.
  const key = sites.map((site) => `${site.site} ${site.country} ${gpuSums([site]).delivered}`).join();
  const laid = useMemo(() => (land.data && size.width ? place(sites, land.data, size.width, size.height) : null), [key, land.data, size]);

  useEffect(() => {
    const target = canvas.current;
    if (!target || !laid || !land.data) return;
    const ratio = devicePixelRatio;
    target.width = size.width * ratio;
    target.height = size.height * ratio;
    const pen = target.getContext("2d")!;
    pen.scale(ratio, ratio);
    pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--map");
    const { step, north, rows } = land.data;
    const pitch = 6;
    for (let y = pitch; y < size.height; y += pitch) {
      const runs = rows[Math.round((north - laid.view.lat(y)) / step)];
      if (!runs) continue;
      for (let x = pitch; x < size.width; x += pitch) {
        const cell = Math.round((laid.view.lon(x) + 180) / step);
        let land = false;
        for (let run = 0; run < runs.length && !land && runs[run] <= cell; run += 2) land = cell < runs[run] + runs[run + 1];
        if (land) pen.fillRect(x - 1, y - 1, 2.4, 2.4);
      }
    }
  }, [laid, land.data, size, theme]);

  const current = new Map(sites.map((site) => [site.site, site]));
  const hinted = laid?.placed.find(({ site }) => site.site === shown);
  const told = hinted && current.get(hinted.site.site);
  return (
    <div className="map" ref={box}>
      <canvas ref={canvas} aria-hidden="true" />
      <svg role="group" aria-label="Sites on a map">
        {laid?.placed.map(({ site: { site: name }, x, y, r }) => {
          const site = current.get(name);
          if (!site) return null;
          const sums = gpuSums([site]);
          const part = sums.delivered > 0 ? Math.min(0.9999, sums.held / sums.delivered) : 0;
          const angle = part * 2 * Math.PI;
          const { tone, word } = stateOf(site);
          const color = tone === "hollow" ? "var(--idle)" : `var(--${tone})`;
          return (
            <Link key={name} to={`/sites/${name}`} aria-label={`${name}, ${word}, ${gpus(sums.delivered)}`} onMouseEnter={() => setShown(name)} onMouseLeave={() => setShown(null)}
              onFocus={() => setShown(name)} onBlur={() => setShown(null)}>
              <circle className="halo" cx={x} cy={y} r={r} fill="var(--surface)" stroke={color} strokeWidth={1.5} />
              {part > 0 && <path d={`M${x} ${y} L${x} ${y - r + 3} A${r - 3} ${r - 3} 0 ${angle > Math.PI ? 1 : 0} 1 ${x + (r - 3) * Math.sin(angle)} ${y - (r - 3) * Math.cos(angle)} Z`} fill={color} />}
            </Link>
          );
        })}
      </svg>
      {hinted && told && (
        <div className="hint" style={{ left: Math.min(hinted.x + 16, size.width - 230), top: Math.max(8, hinted.y - 24) }}>
          <b>{told.site}</b>
          {country(told.country)} · {stateOf(told).word}<br />
          {count(gpuSums([told]).held)} of {gpus(gpuSums([told]).delivered)} held ({percent(gpuSums([told]).held / gpuSums([told]).delivered)})
        </div>
      )}
    </div>
  );
}
