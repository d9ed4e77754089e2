/** One point of the loss curve. */
export interface CurvePoint { readonly step: number; readonly loss: number; readonly lossEma: number }

export interface Figure { readonly title: string; readonly caption: string; readonly png: Uint8Array }

export interface PageContent {
  readonly title: string;
  readonly lead: string;
  /** Header row first in each. */
  readonly tables: readonly (readonly (readonly string[])[])[];
  /** What to keep in mind with the tables. */
  readonly note: string;
  readonly curve: readonly CurvePoint[];
  readonly figures: readonly Figure[];
  /** The YAML files as they ran. */
  readonly sources: readonly { readonly name: string; readonly text: string }[];
}

const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** The page as one HTML file that needs nothing else: pictures inside, no script, no network. */
export function page(content: PageContent): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(content.title)}</title>
<style>
  :root { color-scheme: light dark; --line: light-dark(#2563eb, #60a5fa); }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; margin: 1rem 0; }
  th, td { text-align: left; vertical-align: top; padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid #8884; font-variant-numeric: tabular-nums; }
  figure { margin: 1rem 0 2rem; }
  figure img { max-width: 100%; min-width: min(100%, 28rem); image-rendering: pixelated; border-radius: 4px; }
  figure svg { display: block; width: 100%; font-size: 12px; fill: currentColor; }
  figcaption { opacity: .7; }
  pre { overflow-x: auto; padding: 1rem; background: #8882; border-radius: 4px; font-size: 13px; }
  @media (max-width: 40rem) {
    body { margin: 1rem auto; }
    th, td { padding-right: .75rem; }
    tr > :last-child { padding-right: 0; }
    figure svg { font-size: 24px; }
  }
</style>
</head>
<body>
<h1>${escape(content.title)}</h1>
<p>${escape(content.lead)}</p>
${content.tables.map(table).join('\n')}
<p>${escape(content.note)}</p>
<h2>Loss</h2>
<figure>${lossCurve(content.curve)}<figcaption>Over the steps: faint what was logged, strong its moving average.</figcaption></figure>
${content.figures.map(({ title, caption, png }) => `<h2>${escape(title)}</h2>
<figure><img alt="${escape(title)}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}"><figcaption>${escape(caption)}</figcaption></figure>`).join('\n')}
${content.sources.map(({ name, text }) => `<details><summary>${escape(name)}</summary><pre>${escape(text)}</pre></details>`).join('\n')}
</body>
</html>
`;
}

function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: 'th' | 'td'): string => `<tr>${row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')}</tr>`;
  return `<table><thead>${cells(head, 'th')}</thead>
<tbody>${rows.map((row) => cells(row, 'td')).join('\n')}</tbody></table>`;
}

const WIDTH = 800, HEIGHT = 300, LEFT = 60, RIGHT = 16, TOP = 12, BOTTOM = 32;

/** Multiples of 1, 2 or 5 times a power of ten from one bound to the other, both included if they are such: about `count`. */
function ticks(from: number, to: number, count: number): number[] {
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** An SVG: every logged loss faint, its moving average strong. The scale follows the data, without the first spike, which
 *  leaves the frame. */
export function lossCurve(curve: readonly CurvePoint[]): string {
  if (curve.length < 2) return '<p>Too few steps for a curve.</p>';
  const last = curve.at(-1)?.step ?? 1;
  const sorted = curve.map((point) => point.loss).sort((a, b) => a - b);
  const low = Math.min(sorted[0] ?? 0, ...curve.map((point) => point.lossEma));
  const high = sorted[Math.floor(sorted.length * 0.98)] ?? 1;
  const span = Math.max(high - low, 1e-9);
  const x = (step: number): string => (LEFT + (WIDTH - LEFT - RIGHT) * (step / last)).toFixed(1);
  const y = (loss: number): string => (TOP + (HEIGHT - BOTTOM - TOP) * (1 - (loss - low) / span)).toFixed(1);
  const line = (pick: (point: CurvePoint) => number): string => curve.map((point) => `${x(point.step)},${y(pick(point))}`).join(' ');
  return `<svg role="img" aria-label="Loss over steps" viewBox="0 0 ${WIDTH} ${HEIGHT}">
<clipPath id="frame"><rect x="${LEFT}" y="0" width="${WIDTH - LEFT}" height="${HEIGHT - BOTTOM + 2}"/></clipPath>
${ticks(low, high, 6).map((tick) => `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick)}" y2="${y(tick)}" stroke="#8884"/><text x="${LEFT - 8}" y="${y(tick)}" dy=".35em" text-anchor="end">${tick}</text>`).join('\n')}
${ticks(0, last, 8).map((tick) => `<text x="${x(tick)}" y="${HEIGHT - 6}" text-anchor="${tick === last ? 'end' : 'middle'}">${tick}</text>`).join('\n')}
<g clip-path="url(#frame)" fill="none">
<polyline stroke="currentColor" stroke-opacity=".35" points="${line((point) => point.loss)}"/>
<polyline stroke="var(--line)" stroke-width="2" points="${line((point) => point.lossEma)}"/>
</g>
</svg>`;
}
