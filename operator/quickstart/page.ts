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
  :root { color-scheme: light dark; --line: #2563eb; --faint: #94a3b8; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; margin: 1rem 0; }
  th, td { text-align: left; padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid #8884; font-variant-numeric: tabular-nums; }
  figure { margin: 2rem 0; }
  figure img { max-width: 100%; min-width: min(100%, 28rem); image-rendering: pixelated; border-radius: 4px; }
  figcaption { color: var(--faint); }
  pre { overflow-x: auto; padding: 1rem; background: #8882; border-radius: 4px; font-size: 13px; }
</style>
</head>
<body>
<h1>${escape(content.title)}</h1>
<p>${escape(content.lead)}</p>
${content.tables.map(table).join('\n')}
<p>${escape(content.note)}</p>
<h2>Loss</h2>
${lossCurve(content.curve)}
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

const WIDTH = 800, HEIGHT = 300, LEFT = 56, BOTTOM = 28;

/** An SVG: every logged loss faint, its moving average strong. The scale follows the data, without the first spike. */
export function lossCurve(curve: readonly CurvePoint[]): string {
  if (curve.length < 2) return '<p>Too few steps for a curve.</p>';
  const last = curve.at(-1)?.step ?? 1;
  const sorted = curve.map((point) => point.loss).sort((a, b) => a - b);
  const low = Math.min(sorted[0] ?? 0, ...curve.map((point) => point.lossEma));
  const high = sorted[Math.floor(sorted.length * 0.98)] ?? 1;
  const span = Math.max(high - low, 1e-9);
  const x = (step: number): string => (LEFT + (WIDTH - LEFT - 8) * (step / last)).toFixed(1);
  const y = (loss: number): string => (8 + (HEIGHT - BOTTOM - 8) * (1 - Math.min(1, (loss - low) / span))).toFixed(1);
  const line = (pick: (point: CurvePoint) => number): string => curve.map((point) => `${x(point.step)},${y(pick(point))}`).join(' ');
  const ticks = [0, 1, 2, 3, 4].map((i) => low + (span * i) / 4);
  return `<svg role="img" aria-label="Loss over steps" viewBox="0 0 ${WIDTH} ${HEIGHT}" style="width:100%">
${ticks.map((tick) => `<line x1="${LEFT}" x2="${WIDTH - 8}" y1="${y(tick)}" y2="${y(tick)}" stroke="#8884"/><text x="${LEFT - 8}" y="${y(tick)}" dy=".35em" text-anchor="end" font-size="12" fill="currentColor">${tick.toPrecision(3)}</text>`).join('\n')}
${[0, 0.25, 0.5, 0.75, 1].map((share) => `<text x="${x(last * share)}" y="${HEIGHT - 8}" text-anchor="${share === 1 ? 'end' : 'middle'}" font-size="12" fill="currentColor">${Math.round(last * share)}</text>`).join('\n')}
<polyline fill="none" stroke="var(--faint)" stroke-opacity=".5" points="${line((point) => point.loss)}"/>
<polyline fill="none" stroke="var(--line)" stroke-width="2" points="${line((point) => point.lossEma)}"/>
</svg>`;
}
