import type { Measured, Row } from './compare.ts';

/** Rows of one case and group of tensors, told by the part of the name before its last ": ". */
interface Group { readonly head: Row; readonly rows: Row[] }

const columns = ['eager', 'compiled', 'host'] as const;
export const failed = (row: Row): boolean => columns.some((column) => row[column]?.ok === false);

/** Lines of the table: case, tensor, max abs error eager and compiled, tolerance. Tensors named "group: name" share a line
 *  with the worst error of the group, unless `all`; what fails has a line of its own. */
export function tableLines(rows: readonly Row[], all = false): string[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const group = row.tensor.split(': ')[0] as string;
    const key = all || failed(row) || group === row.tensor ? `${row.fixture} ${row.case} ${row.tensor} ${row.tolerance}` : `${row.fixture} ${row.case} ${group}: ${row.tolerance}`;
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { head: row, rows: [row] });
    else known.rows.push(row);
  }
  const cells = [...groups.values()].map(({ head, rows: members }) => [
    `${head.fixture}/${head.case}`,
    members.length > 1 ? `${head.tensor.split(': ')[0] as string} (${members.length} tensors)` : head.tensor,
    worst(members.map((row) => row.eager ?? row.host)), worst(members.map((row) => row.compiled)),
    head.tolerance, failed(head) ? 'OVER' : 'ok',
  ]);
  const header = ['case', 'tensor', 'eager', 'compiled', 'tolerance', ''];
  const widths = header.map((_, i) => Math.max(...[header, ...cells].map((row) => (row[i] as string).length)));
  return [header, ...cells].map((row) => row.map((cell, i) => (i === 2 || i === 3 ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number))).join('  ').trimEnd());
}

function worst(measured: readonly (Measured | undefined)[]): string {
  const errors = measured.filter((entry) => entry !== undefined).map((entry) => entry.maxAbs);
  return errors.length === 0 ? '-' : Math.max(...errors).toExponential(1);
}
