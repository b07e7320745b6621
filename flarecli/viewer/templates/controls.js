// What the user does: views, windows, organs, jumps, keys.
const stage = byId("stage");
const NEXT_FRAME_MS = 40;
const NO_WEBGL = "The viewer needs WebGL 2, which this browser does not offer, or which is switched off.";

const complain = (text) => {
  const line = byId("problem");
  line.textContent = text;
  line.hidden = false;
};

const LOST = "The browser has taken the graphics memory away, as it does when it runs short. Load the page again.";

const setView = (view) => {
  state.view = view;
  if (view in PLANES) state.plane = view;
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  byId("solid-box").hidden = !(view === "all" || view === "solid");
  byId("solid-box").classList.toggle("whole", view === "solid");
  if (planes !== null) {
    planes.customLayout = layoutOf(view);
    drawCrosshair();
  }
  if (solid !== null && !byId("solid-box").hidden) solid.resizeListener();
};

const setWindow = (level, width) => {
  byId("level").value = level;
  byId("width").value = width;
  const name = Object.keys(facts.windows).find((one) => facts.windows[one][0] === level && facts.windows[one][1] === width);
  byId("window").value = name ?? "own";
  if (planes === null) return;
  showHu(planes, level - width / 2, level + width / 2);
  planes.drawScene();
};

const showOrgan = (label, isShown) => {
  if (isShown) state.hidden.delete(label);
  else state.hidden.add(label);
  document.querySelector(`input[data-organ="${label}"]`).checked = isShown;
  repaint();
  if (solid === null) return;
  for (const mesh of solid.meshes) mesh.visible = !state.hidden.has(mesh.flareLabel);
  solid.drawScene();
};

// The crosshair stays where it is on the screen.
const zoomBy = (factor) => {
  const [x, y, z, before] = planes.scene.pan2Dxyzmm;
  const zoom = Math.min(Math.max(before * factor, 0.25), 40);
  const pan = [x, y, z].map((moved, axis) => moved + (before - zoom) * planes.frac2mm(planes.scene.crosshairPos)[axis]);
  setPan([...pan, zoom]);
};

const setPan = (pan) => {
  planes.scene.pan2Dxyzmm = pan;
  drawCrosshair();
};

const panBy = (across, down) => {
  const plane = PLANES[state.plane];
  const pan = [...planes.scene.pan2Dxyzmm];
  const step = 20 / pan[3];
  pan[plane.across] += across * step;
  pan[plane.down] += down * step;
  setPan(pan);
};

const stepBy = (axis, voxels) => {
  const place = [...state.place];
  place[axis] += voxels;
  goTo(place);
};

const jumpTo = (organ, kind) => {
  if (organ?.[kind]) goTo(organ[kind]);
};

const leastConfident = () =>
  facts.organs.filter((organ) => organ.doubt).sort((a, b) => (a.expected ?? 1) - (b.expected ?? 1))[0];
const mostDifferent = () =>
  facts.organs.filter((organ) => organ.difference).sort((a, b) => b.differing - a.differing)[0];

const setStyle = (style) => {
  state.style = style;
  if (byId("style")) byId("style").value = style;
  repaint();
};

const setCrosshair = (isShown) => {
  byId("crosshair").checked = isShown;
  drawCrosshair();
  if (solid === null) return;
  solid.opts.show3Dcrosshair = isShown;
  solid.drawScene();
};

// Draw everything, the crosshair too.
const drawCrosshair = () => {
  if (planes.crosshairs3D) planes.crosshairs3D.mm[0] = NaN;  // drawn anew, not kept
  planes.drawScene();
};

const toggleOrgans = () => {
  const isShown = facts.organs.every((organ) => state.hidden.has(organ.label));
  for (const organ of facts.organs) showOrgan(organ.label, isShown);
};

const nextOrgan = () => {
  const present = facts.organs.filter((organ) => organ.centre);
  if (present.length === 0) return;
  state.organ = (state.organ + 1) % present.length;
  jumpTo(present[state.organ], "centre");
};

const WINDOW_KEYS = { a: "abdomen", l: "liver", u: "lung", b: "bone" };
const VIEW_KEYS = ["", "axial", "coronal", "sagittal", "solid", "all"];
// The patient's right is on the left, so an arrow to the right leads to the patient's left.
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const onKey = (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || planes === null) return;
  const plane = PLANES[state.plane];
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key in ARROWS) {
    const [across, down] = ARROWS[key];
    // A sagittal plane is seen from the left: Anterior is on the left.
    if (event.shiftKey) panBy(across, down);
    else if (across !== 0) stepBy(plane.across, across);
    else stepBy(plane.down, down);
  } else if (key === "PageUp") stepBy(plane.along, 1);
  else if (key === "PageDown") stepBy(plane.along, -1);
  else if (key === "+" || key === "=") zoomBy(1.25);
  else if (key === "-") zoomBy(0.8);
  else if (key === "0") setPan([0, 0, 0, 1]);
  else if (VIEW_KEYS.indexOf(key) > 0) setView(VIEW_KEYS[VIEW_KEYS.indexOf(key)]);
  else if (/^[1-5]$/.test(key)) setView(VIEW_KEYS[Number(key)]);
  else if (key in WINDOW_KEYS) setWindow(...facts.windows[WINDOW_KEYS[key]]);
  else if (key === "f") setStyle({ both: "fill", fill: "contours", contours: "both" }[state.style]);
  else if (key === "h") toggleOrgans();
  else if (key === "c") setCrosshair(!byId("crosshair").checked);
  else if (key === "o") nextOrgan();
  else if (key === "d") jumpTo(leastConfident(), "doubt");
  else if (key === "x") jumpTo(mostDifferent(), "difference");
  else return;
  event.preventDefault();
  event.stopPropagation();
};

// The plane under the pointer.
const planeAt = (event) => {
  const canvas = byId("planes");
  const box = canvas.getBoundingClientRect();
  const scale = canvas.width / Math.max(canvas.clientWidth, 1);
  const [x, y] = [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  return Object.keys(PLANES).find((name) => {
    const tile = tileOf(PLANES[name]);
    return tile !== null && x >= tile.left && x < tile.left + tile.width && y >= tile.top && y < tile.top + tile.height;
  });
};

const listen = () => {
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => setView(button.dataset.view));
  }
  for (const button of document.querySelectorAll("[data-jump]")) {
    button.addEventListener("click", () => jumpTo(organOf.get(Number(button.dataset.organ)), button.dataset.jump));
  }
  for (const box of document.querySelectorAll("input[data-organ]")) {
    box.checked = true;  // browsers keep the state of forms when a page is loaded again
    box.addEventListener("change", () => showOrgan(Number(box.dataset.organ), box.checked));
  }
  byId("doubt")?.addEventListener("click", () => jumpTo(leastConfident(), "doubt"));
  byId("difference")?.addEventListener("click", () => jumpTo(mostDifferent(), "difference"));
  if (byId("doubt")) byId("doubt").disabled = leastConfident() === undefined;
  if (byId("difference")) byId("difference").disabled = mostDifferent() === undefined;
  byId("zoom-in").addEventListener("click", () => zoomBy(1.25));
  byId("zoom-out").addEventListener("click", () => zoomBy(0.8));
  byId("zoom-reset").addEventListener("click", () => setPan([0, 0, 0, 1]));
  byId("window").addEventListener("change", (event) => {
    if (event.target.value !== "own") setWindow(...facts.windows[event.target.value]);
  });
  for (const id of ["level", "width"]) {
    byId(id).addEventListener("change", () => {
      const [level, width] = [Number(byId("level").value), Number(byId("width").value)];
      if (Number.isFinite(level) && width >= 1) setWindow(level, width);
    });
  }
  byId("style")?.addEventListener("change", (event) => setStyle(event.target.value));
  byId("opacity")?.addEventListener("input", (event) => {
    state.opacity = Number(event.target.value) / 100;
    repaint();
  });
  byId("others")?.addEventListener("change", (event) => {
    state.others = event.target.checked;
    repaint();
  });
  byId("crosshair").addEventListener("change", (event) => setCrosshair(event.target.checked));
  for (const [name, plane] of Object.entries(PLANES)) {
    const slider = byId(`slice-${name}`);
    slider.max = facts.shape[plane.along] - 1;
    slider.addEventListener("input", () => {
      const place = [...state.place];
      place[plane.along] = Number(slider.value);
      goTo(place);
    });
  }
  stage.addEventListener("keydown", onKey, true);
  stage.addEventListener("webglcontextlost", () => complain(LOST), true);
  // NiiVue would zoom; over the 3-D view that is left to it.
  stage.addEventListener("wheel", (event) => {
    if (planes === null || event.target.id === "solid" || event.deltaY === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const plane = PLANES[planeAt(event) ?? state.plane];
    if (event.ctrlKey) zoomBy(event.deltaY > 0 ? 0.9 : 1.1);
    else stepBy(plane.along, event.deltaY > 0 ? -1 : 1);
  }, { capture: true, passive: false });
  stage.addEventListener("pointerdown", (event) => {
    stage.focus({ preventScroll: true });
    if (planes === null) return;
    state.plane = planeAt(event) ?? state.plane;  // keys act on the plane that was pointed at last
  }, true);
};

const start = async () => {
  listen();
  setView(window.innerWidth < NARROW_PX ? "axial" : "all");
  setWindow(...facts.windows.abdomen);
  describe();
  const isServed = facts.embedded.length === 0;
  if (isServed) keepAlive(() => complain("The server has ended; what is not loaded yet cannot be shown. Start flare view again."));
  if (globalThis.niivue === undefined) {
    complain("The viewing library could not be started by this browser.");
    return;
  }
  try {
    const packed = facts.maps.map((_, place) => loaded(`labels-${place}`, { isPacked: true, told: () => {} }));
    const showProgress = (share) => { byId("progress").value = Math.floor(share * 20) / 20; };  // each value is drawn
    const coming = loaded("scan", { isPacked: false, told: showProgress });
    const viewer = await preparePlanes();
    const buffer = await coming;
    byId("loading-text").textContent = "Drawing";
    await new Promise((done) => { setTimeout(done, NEXT_FRAME_MS); });
    const [level, width] = [Number(byId("level").value), Number(byId("width").value)];
    await showPlanes(viewer, buffer, [level - width / 2, level + width / 2]);
    for (const each of packed) labelMaps.push(new Uint8Array(await each));
    const first = facts.organs.find((organ) => organ.centre);
    goTo(first ? first.centre : state.place);
    byId("loading").hidden = true;
    document.documentElement.dataset.ready = "planes";
    if (facts.maps.length > 0) await makeSolid();
    document.documentElement.dataset.ready = "all";
  } catch (error) {
    const hasWebGL = document.createElement("canvas").getContext("webgl2") !== null;
    complain(hasWebGL ? `The scan cannot be shown: ${error.message}` : NO_WEBGL);
    byId("loading").hidden = true;
    throw error;
  }
};
