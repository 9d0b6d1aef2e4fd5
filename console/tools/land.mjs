// Makes public/land.json: land as a grid of half degrees, and the middle of every country, for the map of sites.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { geoArea, geoCentroid } from "d3-geo";
import { feature } from "topojson-client";

const require = createRequire(import.meta.url);
const world = JSON.parse(readFileSync(require.resolve("world-atlas/countries-50m.json"), "utf8"));
const iso = require("i18n-iso-countries");
const step = 0.5;
const south = -56;
const north = 76;

// The middle of the largest part: of France the mainland, not somewhere in the Atlantic.
const middles = {};
for (const country of feature(world, world.objects.countries).features) {
  const code = iso.numericToAlpha2(country.id ?? "");
  if (!code) continue;
  const parts = country.geometry.type === "Polygon" ? [country.geometry.coordinates] : country.geometry.coordinates;
  const largest = parts.map((coordinates) => ({ type: "Polygon", coordinates })).sort((a, b) => geoArea(b) - geoArea(a))[0];
  middles[code] = geoCentroid(largest).map((x) => Math.round(x * 10) / 10);
}

// Even-odd along each line of latitude.
const rings = [];
for (const country of feature(world, world.objects.countries).features) {
  const parts = country.geometry.type === "Polygon" ? [country.geometry.coordinates] : country.geometry.coordinates;
  for (const part of parts) rings.push(part);
}
const rows = [];
for (let lat = north; lat >= south; lat -= step) {
  const cells = new Uint8Array(Math.round(360 / step));
  for (const part of rings) {
    const cuts = [];
    for (const ring of part) {
      for (let i = 1; i < ring.length; i++) {
        const [x0, y0] = ring[i - 1];
        const [x1, y1] = ring[i];
        if (y0 > lat !== y1 > lat) cuts.push(x0 + ((lat - y0) / (y1 - y0)) * (x1 - x0));
      }
    }
    cuts.sort((a, b) => a - b);
    for (let i = 0; i + 1 < cuts.length; i += 2) {
      for (let c = Math.ceil((cuts[i] + 180) / step); c <= (cuts[i + 1] + 180) / step && c < cells.length; c++) cells[c] = 1;
    }
  }
  // Runs of land: start and length.
  const runs = [];
  for (let c = 0; c < cells.length; c++) {
    if (!cells[c]) continue;
    const from = c;
    while (c + 1 < cells.length && cells[c + 1]) c++;
    runs.push(from, c - from + 1);
  }
  rows.push(runs);
}
writeFileSync(new URL("../public/land.json", import.meta.url), JSON.stringify({ step, north, rows, middles }));
