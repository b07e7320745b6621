// The pictures: three planes and a 3-D view by NiiVue, fill and outlines of organs on a canvas above the planes.
const byId = (id) => document.getElementById(id);
const facts = JSON.parse(byId("data").textContent);
const PLANES = { axial: { tile: 0, across: 0, down: 1, along: 2 }, coronal: { tile: 1, across: 0, down: 2, along: 1 }, sagittal: { tile: 2, across: 1, down: 2, along: 0 } };
const CROSSHAIR_PX = 1.4;
const CROSSHAIR_GAP = 3;  // in its thicknesses
const NARROW_PX = 820;
const HALO = "rgba(0, 0, 0, 0.75)";
const DASHES = [[], [6, 4], [1.5, 3.5]];
const LIBRARY_KEYS = { clipPlaneHotKey: "", cycleClipPlaneHotKey: "", viewModeHotKey: "" };

const state = {
  place: facts.shape.map((size) => Math.floor(size / 2)),
  view: "all",
  plane: "axial",  // the one that keys act on
  hidden: new Set(),
  style: "both",
  opacity: 0.3,
  others: true,
  organ: -1,
};
const labelMaps = [];  // Uint8Array each, x fastest
const organOf = new Map(facts.organs.map((organ) => [organ.label, organ]));
let planes = null;
let solid = null;
let scan = null;  // Int16Array of HU
let isPainting = false;

const voxelIndex = ([x, y, z]) => x + facts.shape[0] * (y + facts.shape[1] * z);
const worldOf = (voxel) =>
  facts.affine.map((row) => row[0] * voxel[0] + row[1] * voxel[1] + row[2] * voxel[2] + row[3]);
const fractionOf = (voxel) => voxel.map((index, axis) => (index + 0.5) / facts.shape[axis]);
const voxelOf = (fraction) =>
  [...fraction].map((part, axis) => Math.min(Math.max(Math.floor(part * facts.shape[axis]), 0), facts.shape[axis] - 1));

const layoutOf = (view) => {
  if (view === "all") {
    return [
      { sliceType: 0, position: [0, 0, 0.5, 0.5] },
      { sliceType: 1, position: [0.5, 0, 0.5, 0.5] },
      { sliceType: 2, position: [0, 0.5, 0.5, 0.5] },
    ];
  }
  return [{ sliceType: PLANES[view === "solid" ? "axial" : view].tile, position: [0, 0, 1, 1] }];
};

// How voxels of a plane lie on the canvas: device pixels = origin + index * step, and the plane's rectangle.
const tileOf = (plane) => {
  const place = planes.screenSlices.findIndex((tile) => tile.axCorSag === plane.tile);
  if (place < 0) return null;
  let [left, top, width, height] = planes.screenSlices[place].leftTopWidthHeight;
  if (width < 0) [left, width] = [left + width, -width];
  // Measured well inside: beyond a plane's edge NiiVue gives no position, and rounding counts.
  const first = planes.screenXY2TextureFrac(left + width / 4, top + height / 4, place, false);
  const last = planes.screenXY2TextureFrac(left + (3 * width) / 4, top + (3 * height) / 4, place, false);
  const along = (axis, start, size) => {
    const step = size / 2 / ((last[axis] - first[axis]) * facts.shape[axis]);
    return [start + size / 4 - (first[axis] * facts.shape[axis] - 0.5) * step, step];
  };
  const [originX, stepX] = along(plane.across, left, width);
  const [originY, stepY] = along(plane.down, top, height);
  return { left, top, width, height, originX, originY, stepX, stepY };
};

const outlineCache = new Map();
const outlinesOf = (map, name) => {
  const plane = PLANES[name];
  const slice = state.place[plane.along];
  const key = `${map} ${name}`;
  const kept = outlineCache.get(key);
  if (kept !== undefined && kept.slice === slice) return kept.found;
  const strides = [1, facts.shape[0], facts.shape[0] * facts.shape[1]];
  const labels = labelMaps[map];
  const base = slice * strides[plane.along];
  const [across, down] = [strides[plane.across], strides[plane.down]];
  const at = (column, row) => labels[base + column * across + row * down];
  const found = [...labelsOfSlice(at, facts.shape[plane.across], facts.shape[plane.down])].map(
    ([label, box]) => [label, outlines(at, label, box)],
  );
  outlineCache.set(key, { slice, found });
  return found;
};

const pathOf = (loops, tile) => {
  const path = new Path2D();
  for (const loop of loops) {
    for (let at = 0; at < loop.length; at += 2) {
      const x = tile.originX + loop[at] * tile.stepX;
      const y = tile.originY + loop[at + 1] * tile.stepY;
      if (at === 0) path.moveTo(x, y);
      else path.lineTo(x, y);
    }
    path.closePath();
  }
  return path;
};

const paint = () => {
  isPainting = false;
  const canvas = byId("lines");
  const source = byId("planes");
  if (canvas.width !== source.width || canvas.height !== source.height) {
    canvas.width = source.width;
    canvas.height = source.height;
  }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  if (state.view === "solid") return;
  const scale = source.width / Math.max(source.clientWidth, 1);
  for (const [name, plane] of Object.entries(PLANES)) {
    const tile = tileOf(plane);
    if (tile === null) continue;
    pen.save();
    pen.beginPath();
    pen.rect(tile.left, tile.top, tile.width, tile.height);
    pen.clip();
    labelMaps.forEach((_, map) => {
      if (map > 0 && !state.others) return;
      for (const [label, loops] of outlinesOf(map, name)) {
        if (state.hidden.has(label)) continue;
        const path = pathOf(loops, tile);
        const colour = `rgb(${organOf.get(label).colour.join(" ")})`;
        if (map === 0 && state.style !== "contours") {
          pen.globalAlpha = state.opacity;
          pen.fillStyle = colour;
          pen.fill(path, "evenodd");
          pen.globalAlpha = 1;
        }
        if (map > 0 || state.style !== "fill") {
          pen.setLineDash([]);
          pen.lineWidth = 3.2 * scale;
          pen.strokeStyle = HALO;
          if (map > 0) pen.stroke(path);
          pen.setLineDash(DASHES[Math.min(map, DASHES.length - 1)].map((length) => length * scale));
          pen.lineWidth = (map > 0 ? 1.8 : 1.4) * scale;
          pen.strokeStyle = colour;
          pen.stroke(path);
        }
      }
    });
    pen.restore();
  }
};

const repaint = () => {
  if (isPainting || planes === null) return;
  isPainting = true;
  requestAnimationFrame(paint);
};

const describe = () => {
  const [x, y, z] = state.place;
  const index = voxelIndex(state.place);
  const world = worldOf(state.place).map((value) => value.toFixed(1).replace("-", "−"));
  const hu = scan === null ? "" : `${String(scan[index]).replace("-", "−")} HU`;
  const names = labelMaps.map((labels) => organOf.get(labels[index])?.name ?? "no organ");
  const organs = names.every((name) => name === names[0]) ? names.slice(0, 1) : names;
  byId("place").textContent = [
    hu, `R ${world[0]}, A ${world[1]}, S ${world[2]} mm`, organs.join(" / "),
    `voxel ${x + 1}, ${y + 1}, ${z + 1} of ${facts.shape.join(" × ")}`,
  ].filter((text) => text !== "").join(" · ");
  for (const [name, plane] of Object.entries(PLANES)) byId(`slice-${name}`).value = state.place[plane.along];
};

// NiiVue moved the crosshair, or drew for another reason: everything else follows.
const followPlanes = () => {
  const place = voxelOf(planes.scene.crosshairPos);
  const hasMoved = place.some((index, axis) => index !== state.place[axis]);
  state.place = place;
  if (hasMoved) {
    describe();
    showInSolid();
  }
  repaint();
};

const showInSolid = () => {
  if (solid === null || solid.meshes.length === 0) return;
  solid.scene.crosshairPos = solid.mm2frac(worldOf(state.place));
  solid.drawScene();
};

const goTo = (place) => {
  state.place = place.map((index, axis) => Math.min(Math.max(index, 0), facts.shape[axis] - 1));
  planes.scene.crosshairPos = fractionOf(state.place);
  planes.drawScene();
  describe();
  showInSolid();
};

// Let a NiiVue ask before it draws and tell when it has drawn, whatever makes it draw.
const followed = (viewer, before, after) => {
  const draw = viewer.drawScene.bind(viewer);
  viewer.drawScene = (...given) => {
    before();
    const drawn = draw(...given);
    after();
    return drawn;
  };
};

// How large a pixel of the canvas is in the smallest of the planes' pictures.
const mmOfPixel = () => {
  const { width, height } = byId("planes");
  const lengths = facts.shape.map((size, axis) => size * facts.spacing[axis]);
  const scales = layoutOf(state.view).map(({ sliceType, position: [, , across, down] }) => {
    const plane = Object.values(PLANES).find((one) => one.tile === sliceType);
    return Math.max(lengths[plane.across] / (across * width), lengths[plane.down] / (down * height));
  });
  return Math.max(...scales) / planes.scene.pan2Dxyzmm[3];
};

// A pointer sets the crosshair anywhere; it belongs into the middle of a voxel, as thin at any zoom.
const fillPlanes = () => {
  const scale = byId("planes").width / Math.max(byId("planes").clientWidth, 1);
  planes.opts.crosshairWidth = byId("crosshair").checked ? CROSSHAIR_PX * scale * mmOfPixel() : 0;
  const place = voxelOf(planes.scene.crosshairPos);
  planes.scene.crosshairPos = fractionOf(place);
  fillSlices(planes.gl, scan, place);
};

// Made while the voxels are on their way: a browser takes its time for the first picture of all.
const preparePlanes = async () => {
  const { Niivue, SHOW_RENDER } = globalThis.niivue;
  const viewer = new Niivue({
    ...LIBRARY_KEYS,
    logLevel: "silent",
    dragAndDropEnabled: false,
    isColorbar: false,
    isRadiologicalConvention: true,
    sagittalNoseLeft: true,
    showAllOrientationMarkers: true,
    multiplanarShowRender: SHOW_RENDER.NEVER,
    crosshairColor: [1, 1, 1, 0.6],
    crosshairWidthUnit: "mm",
    crosshairGap: CROSSHAIR_GAP,
    fontColor: [0.85, 0.88, 0.92, 1],
    loadingText: "",
    dragMode: 3,  // pan
  });
  // Beside a plane that does not fill its tile, NiiVue would write the letter of the left side on the right.
  viewer.drawSliceOrientationText = (box, plane) => {
    Niivue.prototype.drawSliceOrientationText.call(viewer, box, plane);
  };
  deferPrograms(byId("planes"));
  await viewer.attachToCanvas(byId("planes"), false);
  byId("planes").removeAttribute("tabindex");  // the stage has the focus
  useSlices(viewer);
  return viewer;
};

const showPlanes = async (viewer, buffer, [low, high]) => {
  showHu(viewer, low, high);
  const image = await boxImage();
  scan = new Int16Array(buffer);
  planes = viewer;
  viewer.scene.crosshairPos = fractionOf(state.place);
  viewer.setCustomLayout(layoutOf(state.view));
  followed(viewer, fillPlanes, followPlanes);
  viewer.addVolume(image);
};

const makeSolid = async () => {
  const { Niivue, NVMesh, SLICE_TYPE } = globalThis.niivue;
  const viewer = new Niivue({
    ...LIBRARY_KEYS,
    logLevel: "silent",
    dragAndDropEnabled: false,
    isOrientCube: true,
    show3Dcrosshair: true,
    crosshairColor: [1, 1, 1, 1],
    loadingText: "",
  });
  deferPrograms(byId("solid"));
  await viewer.attachToCanvas(byId("solid"), false);
  byId("solid").removeAttribute("tabindex");
  viewer.setSliceType(SLICE_TYPE.RENDER);
  for (const organ of facts.organs.filter((one) => one.volumes[0] > 0)) {
    const name = `surface-${organ.label}`;
    if (facts.embedded.length > 0 && !facts.embedded.includes(name)) continue;
    const file = await loaded(name, { isPacked: false, told: () => {} });
    if (file.byteLength === 0) continue;
    const mesh = await NVMesh.readMesh(file, `${organ.label}.mz3`, viewer.gl, 1, [...organ.colour, 255], true);
    mesh.flareLabel = organ.label;
    viewer.addMesh(mesh);
  }
  viewer.setRenderAzimuthElevation(200, 10);
  solid = viewer;
  showInSolid();
};
