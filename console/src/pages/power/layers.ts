// Where the elements of a network stand in its one-line diagram: sources above, each below all that feed it.
import type { ElementPower } from "../../api/types";

export interface Box {
  element: ElementPower;
  x: number;
  y: number;
  w: number;
}
export interface Diagram {
  boxes: Map<string, Box>;
  width: number;
  height: number;
  layers: { kinds: string[]; y: number }[];
  /** Elements directly below. */
  below: Map<string, string[]>;
}

export const boxHeight = 30;
const wrapGap = 6;
const layerGap = 34;

export function layOut(elements: ElementPower[], width: number): Diagram {
  const depth = new Map<string, number>();
  const below = new Map<string, string[]>();
  // Sources come first in the answer, so one pass is enough.
  for (const { name, feeds } of elements) {
    depth.set(name, (feeds ?? []).length ? Math.max(...(feeds ?? []).map((feed) => depth.get(feed) ?? 0)) + 1 : 0);
    for (const feed of feeds ?? []) below.set(feed, [...(below.get(feed) ?? []), name]);
  }
  // Sources that feed nothing but a deeper layer, such as generators, stand right above it.
  for (const { name, feeds } of elements) {
    if ((feeds ?? []).length > 0 || depth.get(name) !== 0) continue;
    const next = (below.get(name) ?? []).map((child) => depth.get(child) ?? 1);
    if (next.length) depth.set(name, Math.max(0, Math.min(...next) - 1));
  }
  const layers: ElementPower[][] = [];
  for (const element of elements) (layers[depth.get(element.name) ?? 0] ??= []).push(element);
  const left = 112;
  const room = Math.max(320, width - left - 16);
  const boxes = new Map<string, Box>();
  const out: Diagram["layers"] = [];
  let y = 14;
  for (const layer of layers) {
    if (!layer) continue;
    const collator = new Intl.Collator("en", { numeric: true });
    layer.sort((a, b) => collator.compare(a.name, b.name));
    const w = Math.min(168, Math.max(34, Math.floor(room / layer.length) - wrapGap));
    const each = Math.max(1, Math.floor((room + wrapGap) / (w + wrapGap)));
    const lines = Math.ceil(layer.length / each);
    const perLine = Math.ceil(layer.length / lines);
    layer.forEach((element, i) => {
      const line = Math.floor(i / perLine);
      const inLine = Math.min(perLine, layer.length - line * perLine);
      const start = left + (room - (inLine * (w + wrapGap) - wrapGap)) / 2;
      boxes.set(element.name, { element, x: start + (i % perLine) * (w + wrapGap), y: y + line * (boxHeight + wrapGap), w });
    });
    const h = lines * (boxHeight + wrapGap) - wrapGap;
    out.push({ kinds: [...new Set(layer.map(({ kind }) => kind))], y });
    y += h + layerGap;
  }
  return { boxes, width: Math.max(width, left + 320), height: y - layerGap + 16, layers: out, below };
}

/** Everything reached from some elements, upwards by `feeds` or downwards by `below`. */
export function reach(from: Iterable<string>, next: (name: string) => string[]): Set<string> {
  const out = new Set<string>();
  const open = [...from];
  while (open.length) {
    for (const name of next(open.pop()!)) {
      if (out.has(name)) continue;
      out.add(name);
      open.push(name);
    }
  }
  return out;
}
