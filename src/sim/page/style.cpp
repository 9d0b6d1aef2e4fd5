// The style follows the reader's choice of light or dark; no font, image or file is fetched.
#include "sim/page/style.h"

namespace penstock::page {

const std::string_view kStyle = R"css(
:root{color-scheme:light dark;--page:#f4f6f8;--card:#fff;--ink:#161b22;--soft:#57606c;--line:#e2e6eb;--good:#14793f;--bad:#b3261e;
--c1:#2563eb;--c2:#d9730d;--c3:#0d9488;--c4:#a21caf;--c5:#b91c1c;--c6:#4d7c0f;--c7:#0e7490;--c8:#7c4a21}
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--card:#161c24;--ink:#e6eaf0;--soft:#98a3b1;--line:#2a323d;--good:#4ade80;
--bad:#ff8a80;--c1:#60a5fa;--c2:#fb9f4b;--c3:#2dd4bf;--c4:#e879f9;--c5:#f87171;--c6:#a3e635;--c7:#22d3ee;--c8:#d6a77a}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:1400px;margin:0 auto;padding:32px 24px 48px}
h1{margin:0;font-size:28px;line-height:1.2;letter-spacing:-.02em;overflow-wrap:anywhere}
h1 .variant{display:inline-block;margin-left:12px;padding:2px 12px;border-radius:99px;background:var(--c1);color:var(--card);font-size:16px;
letter-spacing:0;vertical-align:4px}
h2{margin:40px 0 12px;font-size:18px;letter-spacing:-.01em}
header p{margin:8px 0 0;color:var(--soft)}
.hint{margin:-8px 0 12px;color:var(--soft);font-size:14px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(205px,45%),1fr));gap:12px;margin:12px 0 0;padding:0}
.tile,figure,.scroll,.notes{background:var(--card);border:1px solid var(--line);border-radius:10px}
.tile{padding:14px 16px}
.tile dd{overflow-wrap:anywhere}
.tile dt{color:var(--soft);font-size:13px}
.tile dd{margin:2px 0 0;font-size:21px;font-weight:600;letter-spacing:-.01em}
.large .tile dd{font-size:34px;line-height:1.2}
.tiles .tile dd+dd{margin:4px 0 0;color:var(--soft);font-size:13px;font-weight:400;letter-spacing:0;line-height:1.35}
.tile .bar{display:block;width:100%;height:5px;margin:8px 0 4px}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(560px,100%),1fr));gap:12px}
figure{margin:0;padding:14px 16px 12px;min-width:0;break-inside:avoid}
figcaption{font-weight:600}
.unit,.when{margin-left:6px;color:var(--soft);font-size:13px;font-weight:400}
.when{float:right}
svg.plot{display:block;width:100%;height:auto;margin:6px 0;overflow:visible;touch-action:pan-y;border-radius:6px}
svg text{font-size:118px;fill:var(--soft)}
svg .value,svg .before{text-anchor:end}
svg .middle{text-anchor:middle}
svg path{fill:none;vector-effect:non-scaling-stroke}
svg .grid{stroke:var(--line)}
svg .happening{stroke:var(--soft);stroke-width:12;stroke-dasharray:40 30}
svg .line{stroke:var(--c);stroke-width:1.8px;stroke-linejoin:round;stroke-linecap:round}
svg .reference{stroke-width:1.4px;stroke-dasharray:5 4}
svg .again{stroke-dasharray:12 4}
svg .dots{stroke-width:8px;stroke-dasharray:none}
svg .area{fill:var(--c);opacity:.14}
svg .cursor{stroke:var(--soft)}
svg .marker{fill:var(--c);stroke:var(--card);stroke-width:16px}
svg .cursor,svg .marker{display:none}
.reading svg .cursor,.reading svg .marker.known{display:inline}
.c0{--c:var(--soft)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}
.c7{--c:var(--c7)}.c8{--c:var(--c8)}
.legend{display:flex;flex-wrap:wrap;gap:4px 24px;margin:0;padding:0;list-style:none;font-size:13px}
output{color:var(--soft);margin-left:4px;display:inline-block}
.key[class*=" c"]{display:inline-block;width:14px;height:4px;margin-right:8px;border-radius:2px;background:var(--c);vertical-align:3px}
.key.reference,.key.again{background:repeating-linear-gradient(90deg,var(--c) 0 4px,transparent 4px 7px)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:14px}
th,td{padding:7px 12px;text-align:right;white-space:nowrap;vertical-align:baseline}
thead th{color:var(--soft);font-weight:500;font-size:13px;border-bottom:1px solid var(--line)}
th.of0,th.of1{position:sticky;left:0;background:var(--card);text-align:left}
th.of1{left:104px}
th.of0:has(+.of1){min-width:104px}
thead .run{color:var(--ink);text-align:center}
tbody th{font-weight:500}
tbody+tbody tr:first-child>*{border-top:1px solid var(--line)}
tbody tr:hover td{background:color-mix(in srgb,var(--soft) 8%,transparent)}
.compared .begins{border-left:1px solid var(--line)}
.total>*{font-weight:650}
td small{display:block;color:var(--soft);font-size:12px;font-weight:400}
.slim{width:fit-content;max-width:100%}
.slim td{min-width:150px}
.slim td small{display:inline-block;min-width:76px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(620px,100%),1fr));gap:0 12px}
.pair>section{min-width:0}
.compared .pair{display:block}
.compared td,.compared th{padding:6px 9px}
.beside{display:flex;flex-wrap:wrap;gap:0 32px}
.beside>section{max-width:100%}
small.better{color:var(--good)}
small.worse{color:var(--bad)}
.bar{display:inline-block;width:64px;height:6px;margin-right:10px;border-radius:3px;vertical-align:2px;
background:linear-gradient(90deg,var(--c) var(--part),var(--line) 0)}
.notes{margin:0;padding:12px 16px 12px 34px;max-height:420px;overflow:auto;overflow-wrap:anywhere}
.nothing{margin:12px 0;color:var(--soft)}
footer{margin-top:40px;color:var(--soft);font-size:13px;overflow-wrap:anywhere}
:focus-visible{outline:2px solid var(--c1);outline-offset:2px}
@media (max-width:640px){main{padding:20px 12px}svg text{font-size:150px}}
@media print{body{background:none}.notes{max-height:none}}
)css";

// One cursor for all plots. Without the script they show means and maxima instead.
const std::string_view kScript = R"js(
(() => {
  'use strict';
  const {base, runs} = JSON.parse(document.getElementById('samples').textContent);
  const plots = [...document.querySelectorAll('svg.plot')].map(svg => {
    const figure = svg.closest('figure');
    const title = svg.querySelector('title');
    svg.setAttribute('aria-label', title.textContent);
    svg.removeAttribute('aria-labelledby');
    title.remove();  // browsers would show it over the plot
    const n = Object.fromEntries(Object.entries(svg.dataset).map(([k, v]) => [k, Number(v)]));
    const outputs = [...figure.querySelectorAll('output')];
    return {svg, n, outputs, rest: outputs.map(o => o.textContent), when: figure.querySelector('.when'),
            cursor: svg.querySelector('.cursor'), markers: [...svg.querySelectorAll('.marker')]};
  });
  const x = (n, at) => n.left + Math.min(Math.max(at, 0), n.span) / n.span * (n.right - n.left);
  const brief = v => v.toLocaleString('en-US', {maximumFractionDigits: Math.round(v * 10) >= 1000 ? 0 : 1});
  const nearest = (times, at) => {
    let i = times.findIndex(t => t >= at);
    if (i < 0) i = times.length - 1;
    return i > 0 && at - times[i - 1] < times[i] - at ? i - 1 : i;
  };
  const when = at => {
    if (base !== null) return new Date((base + at) * 1000).toISOString().slice(0, 16).replace('T', ' ') + ' UTC';
    return '+' + Math.floor(at / 86400) + ' d ' + new Date(at % 86400 * 1000).toISOString().slice(11, 16) + ' h';
  };
  let now = null;
  const show = at => {
    now = at;
    document.body.classList.toggle('reading', at !== null);
    for (const p of plots) {
      p.when.textContent = at === null ? '' : when(at);
      p.outputs.forEach((output, i) => {
        if (at === null) { output.textContent = p.rest[i]; return; }
        const marker = p.markers[i], run = runs[marker.dataset.run];
        const sample = nearest(run.at, at), value = sample < 0 ? null : run[marker.dataset.key][sample];
        marker.classList.toggle('known', value !== null);
        output.textContent = value === null ? '–' : brief(value / p.n.divisor);
        if (value === null) return;
        marker.setAttribute('cx', x(p.n, run.at[sample]));
        marker.setAttribute('cy', p.n.bottom - value / p.n.most * (p.n.bottom - p.n.top));
      });
      if (at !== null) p.cursor.setAttribute('transform', `translate(${x(p.n, at) - p.n.left})`);
    }
  };
  for (const p of plots) {
    for (const output of p.outputs) output.style.minWidth = output.offsetWidth + 'px';  // legends keep their lines
    p.svg.addEventListener('pointermove', event => {
      const box = p.svg.getBoundingClientRect();
      const place = (event.clientX - box.left) / box.width * p.svg.viewBox.baseVal.width;
      const part = (place - p.n.left) / (p.n.right - p.n.left);
      show(Math.round(Math.min(Math.max(part, 0), 1) * p.n.span));
    });
    p.svg.addEventListener('pointerleave', () => show(null));
    p.svg.addEventListener('blur', () => show(null));
    p.svg.addEventListener('keydown', event => {
      const steps = {ArrowLeft: -0.01, ArrowRight: 0.01}[event.key];
      if (!steps) return;
      event.preventDefault();
      show(Math.round(Math.min(Math.max((now ?? 0) + steps * p.n.span, 0), p.n.span)));
    });
  }
})();
)js";

}  // namespace penstock::page
