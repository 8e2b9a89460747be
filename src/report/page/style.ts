/** The page's only style sheet: light, dark and paper. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --panel: #f4f3ef; --ink: #1c1d1f; --soft: #63666b; --line: #dddbd4;
  --accent: #2458a6; --bar: #6f93c4; --warn: #b3400f; --reach: #e3ebf6;
  --t0: #a9c4e6; --t1: #f0c792; --t2: #a8d5b0; --t3: #dcb4d8; --t4: #ead98a; --t5: #9fd3d6; --edge: #fcfcfa;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16181b; --panel: #1f2226; --ink: #e8e6e1; --soft: #9da1a8; --line: #34383e;
    --accent: #8db4ee; --bar: #5d83b8; --warn: #f0935f; --reach: #24303f;
    --t0: #3d5f8c; --t1: #86602b; --t2: #3b6f48; --t3: #764b72; --t4: #766a26; --t5: #2f6d71; --edge: #16181b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 68rem; padding: 2.5rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.015em; }
h2 { margin: 3rem 0 0.4rem; font-size: 1.2rem; letter-spacing: -0.005em; }
p { margin: 0.3rem 0 1rem; max-width: 46rem; }
p, figcaption, caption, .soft { color: var(--soft); }
.verdict { margin-top: 0.4rem; color: var(--ink); font-size: 1.05rem; }
dl.figures-key { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px; margin: 1.5rem 0 0;
  background: var(--line); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
dl.figures-key > div { background: var(--panel); padding: 0.7rem 0.9rem; }
dl.figures-key dt { color: var(--soft); font-size: 0.82rem; }
dl.figures-key dd { margin: 0; font-size: 1.3rem; font-weight: 600; font-variant-numeric: tabular-nums; }
dl.figures-key dd small { display: block; color: var(--soft); font-size: 0.78rem; font-weight: 400; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 0.86rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 0.4rem; font-size: 0.82rem; }
th, td { padding: 0.32rem 0.7rem 0.32rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; white-space: nowrap; vertical-align: bottom; }
tbody th { font-weight: 500; min-width: 7rem; max-width: 17rem; overflow-wrap: anywhere; }
td { white-space: nowrap; } td code { white-space: normal; }
th.number, td.number { text-align: right; white-space: nowrap; }
td:last-child, th:last-child { padding-right: 0; }
.low { color: var(--warn); font-weight: 600; }
svg.plot { display: block; width: 100%; height: auto; margin: 0.6rem 0; overflow: visible; }
.wide svg.plot { min-width: 40rem; overflow: hidden; }
svg text { fill: var(--ink); font-size: 12.5px; }
svg .tick { fill: var(--soft); font-size: 11.5px; font-variant-numeric: tabular-nums; }
svg .inside { font-size: 11.5px; pointer-events: none; }
.grid, .axis { stroke: var(--line); stroke-width: 1; }
.axis { stroke: var(--soft); }
.bar { fill: var(--bar); } rect.bar.low { fill: var(--warn); }
.reach { fill: var(--reach); }
.written { stroke: var(--ink); stroke-width: 1.6; }
.tensor { stroke: var(--edge); stroke-width: 1; }
.tensor0 { fill: var(--t0); } .tensor1 { fill: var(--t1); } .tensor2 { fill: var(--t2); }
.tensor3 { fill: var(--t3); } .tensor4 { fill: var(--t4); } .tensor5 { fill: var(--t5); }
.scratch { fill: var(--soft); fill-opacity: 0.45; }
.halo { fill: url(#hatch); pointer-events: none; } .hatch { stroke: var(--ink); stroke-width: 1.2; stroke-opacity: 0.45; }
.live { fill: none; stroke: var(--ink); stroke-width: 1.4; }
.peak { stroke: var(--warn); stroke-width: 1.2; stroke-dasharray: 5 4; }
.frontier { fill: none; stroke: var(--accent); stroke-width: 1.6; }
.point { fill: var(--bar); } .chosen { fill: var(--warn); stroke: var(--paper); stroke-width: 2; }
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.3rem; margin: 0; padding: 0; list-style: none; color: var(--soft); font-size: 0.84rem; }
.legend svg { width: 1.7em; height: 0.9em; margin-right: 0.45em; vertical-align: -0.06em; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(14.5rem, 1fr)); gap: 1.2rem 1.5rem; }
figure { margin: 0; } figcaption { font-size: 0.78rem; line-height: 1.35; overflow-wrap: anywhere; }
figcaption strong { color: var(--ink); font-weight: 600; }
details { margin: 0.6rem 0; } summary { cursor: pointer; color: var(--accent); }
pre { margin: 0.5rem 0; padding: 0.9rem 1rem; background: var(--panel); border-radius: 8px; overflow-x: auto; font-size: 0.8rem; line-height: 1.45; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
footer { margin-top: 3.5rem; padding-top: 0.8rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.82rem; }
@media print {
  :root { --paper: #fff; --panel: #fff; --ink: #000; --soft: #444; --line: #bbb; --accent: #000; --edge: #fff;
    --t0: #a9c4e6; --t1: #f0c792; --t2: #a8d5b0; --t3: #dcb4d8; --t4: #ead98a; --t5: #9fd3d6; --bar: #6f93c4; --reach: #e3ebf6; --warn: #b3400f; }
  @page { margin: 14mm; }
  html { font-size: 10.5px; }
  body { max-width: none; padding: 0; font-size: 1rem; }
  table { font-size: 0.8rem; } th, td { padding: 0.2rem 0.5rem 0.2rem 0; }
  .figures { grid-template-columns: repeat(4, 1fr); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  section, figure, tr, svg { break-inside: avoid; } section.long { break-inside: auto; } .scroll { overflow: visible; } .wide svg.plot { min-width: 0; }
}
`;
