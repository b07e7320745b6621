// Closed outlines of a label in a slice, by marching squares between voxel centres.
// `at(column, row)` is the label of a voxel, `columns` and `rows` are the sizes of the slice. Every outline is an array
// x0, y0, x1, y1, ... in voxels, in which a voxel's centre is at its index.
const labelsOfSlice = (at, columns, rows) => {
  const found = new Map();
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const label = at(column, row);
      if (label === 0) continue;
      const box = found.get(label);
      if (box === undefined) {
        found.set(label, [column, row, column, row]);
        continue;
      }
      if (column < box[0]) box[0] = column;
      if (column > box[2]) box[2] = column;
      box[3] = row;
    }
  }
  return found;
};

const outlines = (at, label, [left, top, right, bottom]) => {
  const columns = right - left + 2;  // cells between centres, with a border of background
  const rows = bottom - top + 2;
  const isInside = (column, row) =>
    column >= left && column <= right && row >= top && row <= bottom && at(column, row) === label;
  // Middles of the cells' edges by number: first those of the horizontal edges, then those of the vertical ones.
  const horizontal = (column, row) => row * columns + column;
  const vertical = (column, row) => columns * (rows + 1) + row * (columns + 1) + column;
  const next = new Int32Array(columns * (rows + 1) + (columns + 1) * rows).fill(-1);
  for (let row = 0; row < rows; row += 1) {
    let upperLeft = isInside(left - 1, top + row - 1);
    let lowerLeft = isInside(left - 1, top + row);
    for (let column = 0; column < columns; column += 1) {
      const upperRight = isInside(left + column, top + row - 1);
      const lowerRight = isInside(left + column, top + row);
      const north = horizontal(column, row);
      const south = horizontal(column, row + 1);
      const west = vertical(column, row);
      const east = vertical(column + 1, row);
      switch (8 * upperLeft + 4 * upperRight + 2 * lowerRight + lowerLeft) {
        case 1: next[south] = west; break;
        case 2: next[east] = south; break;
        case 3: next[east] = west; break;
        case 4: next[north] = east; break;
        case 5: next[north] = east; next[south] = west; break;
        case 6: next[north] = south; break;
        case 7: next[north] = west; break;
        case 8: next[west] = north; break;
        case 9: next[south] = north; break;
        case 10: next[west] = north; next[east] = south; break;
        case 11: next[east] = north; break;
        case 12: next[west] = east; break;
        case 13: next[south] = east; break;
        case 14: next[west] = south; break;
        default: break;
      }
      upperLeft = upperRight;
      lowerLeft = lowerRight;
    }
  }
  const firstVertical = columns * (rows + 1);
  const place = (edge) => {
    if (edge < firstVertical) return [left + (edge % columns) - 0.5, top - 1 + Math.floor(edge / columns)];
    const rest = edge - firstVertical;
    return [left - 1 + (rest % (columns + 1)), top + Math.floor(rest / (columns + 1)) - 0.5];
  };
  const loops = [];
  for (let start = 0; start < next.length; start += 1) {
    if (next[start] < 0) continue;
    const loop = [];
    for (let edge = start; next[edge] >= 0;) {
      const following = next[edge];
      loop.push(...place(edge));
      next[edge] = -1;
      edge = following;
    }
    loops.push(smoothed(loop));
  }
  return loops;
};

// Each point moved towards its neighbours' middle, by less than half a voxel: steps of voxels are no edges of organs.
const smoothed = (loop) => {
  const made = new Float32Array(loop.length);
  for (let at = 0; at < loop.length; at += 2) {
    const before = (at - 2 + loop.length) % loop.length;
    const after = (at + 2) % loop.length;
    made[at] = (loop[before] + 2 * loop[at] + loop[after]) / 4;
    made[at + 1] = (loop[before + 1] + 2 * loop[at + 1] + loop[after + 1]) / 4;
  }
  return made;
};
