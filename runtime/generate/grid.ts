import { pictureAt, type Pictures } from './pictures.ts';

/** Black lines between pictures and around the grid, in pixels. */
export const GRID_PADDING = 2;

/** Pictures side by side, row by row, as RGB [height, width, 3]. columns: default round(√count), as the reference's
 *  preview; with less pictures than places the last ones stay black. */
export function pictureGrid(pictures: Pictures, columns = Math.max(1, Math.round(Math.sqrt(pictures.count)))): { rgb: Uint8Array; width: number; height: number } {
  const { count, side } = pictures;
  const across = Math.min(columns, count);
  const cell = side + GRID_PADDING;
  const width = across * cell + GRID_PADDING;
  const height = Math.ceil(count / across) * cell + GRID_PADDING;
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < count; i++) {
    const picture = pictureAt(pictures, i);
    const left = (i % across) * cell + GRID_PADDING;
    const top = Math.floor(i / across) * cell + GRID_PADDING;
    for (let row = 0; row < side; row++) rgb.set(picture.subarray(row * side * 3, (row + 1) * side * 3), ((top + row) * width + left) * 3);
  }
  return { rgb, width, height };
}
