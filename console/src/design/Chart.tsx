// Lines and steps over time, by uPlot, in the colours of the theme.
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useTheme } from "../shell/theme";

export interface Series {
  label: string;
  values: (number | null)[];
  /** A colour variable of the theme. */
  color: string;
  fill?: boolean;
  dash?: boolean;
  /** Holds until the next point instead of rising to it. */
  step?: boolean;
}

interface Props {
  /** Milliseconds. */
  times: number[];
  series: Series[];
  format: (value: number) => string;
  height?: number;
  label: string;
}

export function Chart({ times, series, format, height = 240, label }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const grid = { stroke: color("--line"), width: 1 };
    const axis = { stroke: color("--ink-3"), font: `11px ${style.getPropertyValue("--font")}`, grid, ticks: grid };
    const plot = new uPlot({
      width: host.clientWidth,
      height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      cursor: { points: { size: 6 } },
      scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [axis, { ...axis, size: 76, values: (_, ticks) => ticks.map(format) }],
      series: [
        { value: (_, seconds) => (seconds === null ? "" : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ")) },
        ...series.map((one): uPlot.Series => ({
          label: one.label,
          stroke: color(one.color),
          width: 1.5,
          fill: one.fill ? `${color(one.color)}22` : undefined,
          dash: one.dash ? [5, 4] : undefined,
          paths: one.step ? uPlot.paths.stepped!({ align: 1 }) : undefined,
          points: { show: false },
          value: (_: uPlot, value: number | null) => (value === null ? "–" : format(value)),
        })),
      ],
    }, [times.map((at) => at / 1000), ...series.map(({ values }) => values)] as uPlot.AlignedData, host);
    const observer = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height }));
    observer.observe(host);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, series, format, height, theme]);
  return <div className="chart" ref={box} role="img" aria-label={label} style={{ minHeight: height + 30 }} />;
}
