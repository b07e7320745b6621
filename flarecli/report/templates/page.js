(() => {
  const CHUNK = 48;
  const STORE = "flare-report-marks";
  const MARKS = { s: "seen", g: "good", w: "wrong", u: "" };
  const byId = (id) => document.getElementById(id);
  const cases = JSON.parse(byId("data").textContent);
  cases.forEach((one, place) => { one.place = place; });
  const filters = ["find", "judgement", "organ", "warning", "mark", "order"].map(byId);
  const viewer = byId("viewer");
  const choices = viewer.querySelectorAll("[data-mark]");
  let shown = [];
  let drawn = 0;
  let open = -1;

  // Every text goes into the page as text, never as markup.
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const judgement = (name, className = "") =>
    element("span", `judgement ${name.replace(" ", "-")} ${className}`.trim(), name);

  const load = () => {
    try {
      const stored = JSON.parse(localStorage.getItem(STORE) || "{}");
      return stored && typeof stored === "object" ? stored : {};
    } catch { return {}; }
  };
  const marks = load();
  // By name and content, so that a report that is made again keeps them.
  const keyOf = (one) => `${one.key} ${one.name}`;
  const markOf = (one) => {
    const found = marks[keyOf(one)] || {};
    return { mark: String(found.mark || ""), note: String(found.note || "") };
  };
  const setMark = (one, change) => {
    const changed = { ...markOf(one), ...change };
    const all = load();
    if (changed.mark || changed.note) all[keyOf(one)] = changed; else delete all[keyOf(one)];
    for (const key of Object.keys(marks)) delete marks[key];
    Object.assign(marks, all);
    try {
      localStorage.setItem(STORE, JSON.stringify(all));
    } catch {
      byId("marked").dataset.lost = "this browser keeps no marks: export them before you close the page; ";
    }
    const card = byId(`card-${one.place}`);
    if (card) fillMark(card.querySelector(".marked"), one);
    countMarks();
  };
  const fillMark = (line, one) => {
    const { mark, note } = markOf(one);
    line.textContent = [mark && `marked ${mark}`, note].filter(Boolean).join(": ");
    line.hidden = !line.textContent;
  };
  const countMarks = () => {
    const number = cases.filter((one) => markOf(one).mark || markOf(one).note).length;
    byId("marked").textContent = `${byId("marked").dataset.lost || ""}${number} marked`;
  };

  // Pictures lie behind the script as text; those not read yet come with the rest of the page.
  const picture = (place, large) => {
    const data = (large && byId(`l${place}`)) || byId(`t${place}`);
    return data ? { source: data.textContent, note: byId(`t${place}`).dataset.note } : null;
  };
  // What is seen on a button is part of its name.
  const nameButton = (button, one) => {
    const note = button.querySelector(".nothing");
    button.setAttribute("aria-label", `Open ${one.name}: ${one.judgement}${note ? `, ${note.textContent}` : ""}`);
  };
  const fillPicture = (holder, one, large) => {
    const found = picture(one.place, large);
    holder.querySelectorAll("img, .nothing").forEach((old) => old.remove());
    if (found && found.source) {
      const image = element("img");
      image.alt = large ? `Slices of ${one.name} with the outlines of its organs` : "";
      image.src = `data:image/webp;base64,${found.source}`;
      holder.prepend(image);
    } else {
      holder.prepend(element("span", "nothing", found ? found.note : "loading"));
    }
    if (!large) nameButton(holder, one);
    return found;
  };
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      const one = cases[Number(entry.target.dataset.place)];
      if (fillPicture(entry.target, one, false) || document.readyState !== "loading") near.unobserve(entry.target);
    }
  }, { rootMargin: "600px" });
  document.addEventListener("DOMContentLoaded", () => {
    for (const holder of document.querySelectorAll(".open")) {
      near.unobserve(holder);
      near.observe(holder);
    }
    if (open >= 0) fillViewer();
  });

  const reasonsOf = (one) => {
    const list = element("ul", "reasons");
    for (const organ of one.organs) {
      // A reason that names the same figure says more than the outlier.
      const further = organ.outliers.filter((text) => !organ.reasons.some((reason) => reason.startsWith(`${text.split(",")[0]},`)));
      for (const reason of [...organ.reasons, ...further]) list.append(element("li", "", `${organ.name}: ${reason}`));
    }
    for (const warning of one.warnings) list.append(element("li", "", warning));
    return list;
  };
  const organTable = (one) => {
    const table = element("table");
    const head = table.createTHead().insertRow();
    for (const title of ["organ", "verdict", "mL", "HU"]) {
      const cell = element("th", ["organ", "verdict"].includes(title) ? "text" : "", title);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    const figures = (organ) => [
      [organ.found ? organ.volume.toFixed(organ.volume < 10 ? 1 : 0) : "not found", " mL"],
      [organ.hu === null ? "–" : organ.hu.toFixed(0), " HU"],
    ];
    for (const organ of one.organs) {
      const row = body.insertRow();
      const name = element("th", "text");
      name.scope = "row";
      name.append(element("span", `chip chip-${organ.name}`), organ.name);
      row.append(name);
      row.insertCell().append(judgement(organ.verdict));
      row.lastChild.className = "text";
      const values = figures(organ);
      for (const [text, unit] of values) {
        const odd = organ.outliers.filter((outlier) => outlier.includes(`${unit},`));
        const cell = element("td", "", "");
        cell.append(element("span", odd.length ? "outlier-value" : "", text));
        if (odd.length) cell.title = odd.join("\n");
        row.append(cell);
      }
      if (organ.name !== "kidneys") continue;
      for (const kidney of one.kidneys) {
        const part = body.insertRow();
        const side = element("th", "text part", kidney.name);
        side.scope = "row";
        part.append(side, element("td"));
        for (const [text] of figures(kidney)) part.append(element("td", "", text));
      }
    }
    return table;
  };

  const card = (one, position) => {
    const item = element("li", "card");
    item.id = `card-${one.place}`;
    const button = element("button", "open");
    button.type = "button";
    button.dataset.place = one.place;
    button.append(element("span", "nothing", "loading"));
    nameButton(button, one);
    button.addEventListener("click", () => openViewer(position));
    near.observe(button);
    const text = element("div", "card-text");
    const head = element("div", "card-head");
    head.append(element("h3", "", one.name), judgement(one.judgement, "card-judgement"));
    text.append(head);
    if (one.problem) text.append(element("p", "note", one.problem));
    if (one.organs.length) text.append(organTable(one));
    const reasons = reasonsOf(one);
    if (reasons.children.length) text.append(reasons);
    const line = element("p", "marked");
    fillMark(line, one);
    text.append(line);
    item.append(button, text);
    return item;
  };
  const drawMore = () => {
    const next = shown.slice(drawn, drawn + CHUNK);
    byId("cards").append(...next.map((one, number) => card(one, drawn + number)));
    drawn += next.length;
    byId("more").hidden = drawn >= shown.length;
  };

  const fits = () => {
    const [find, verdict, organName, warning, mark] = filters.map((filter) => filter.value);
    const words = find.trim().toLowerCase();
    return (one) => {
      const organ = one.organs.find((other) => other.name === organName);
      if (words && !one.name.toLowerCase().includes(words)) return false;
      if (verdict && (organName && one.done ? organ.verdict : one.judgement) !== verdict) return false;
      if (organName && !verdict && !(organ && (organ.verdict === "check" || organ.verdict === "failed" || organ.outliers.length
        || !organ.found))) return false;
      if (warning === "some" && !one.warnings.length) return false;
      if (warning === "outlier" && !one.organs.some((other) => (!organ || other === organ) && other.outliers.length)) return false;
      if (/^\d+$/.test(warning) && !one.kinds.includes(Number(warning))) return false;
      if (mark && (markOf(one).mark || "none") !== mark) return false;
      return true;
    };
  };
  const ordered = (list) => {
    const order = byId("order").value;
    const place = Math.max(0, byId("organ").selectedIndex - 1);
    const volume = (one) => (one.organs.length ? one.organs[place].volume : NaN);
    const compare = {
      doubt: (a, b) => a.place - b.place,
      name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
      small: (a, b) => volume(a) - volume(b),
      large: (a, b) => volume(b) - volume(a),
    }[order];
    const without = (one) => order !== "doubt" && order !== "name" && Number.isNaN(volume(one));
    return list.sort((a, b) => without(a) - without(b) || compare(a, b) || a.place - b.place);
  };
  const show = () => {
    shown = ordered(cases.filter(fits()));
    drawn = 0;
    near.disconnect();
    byId("cards").replaceChildren();
    byId("shown").textContent = `${shown.length} of ${cases.length} cases`;
    drawMore();
  };

  // The large view.
  const fillViewer = () => {
    const one = shown[open];
    byId("viewer-name").textContent = one.name;
    byId("viewer-judgement").replaceChildren(judgement(one.judgement));
    byId("viewer-place").textContent = `${open + 1} of ${shown.length}`;
    const figure = byId("viewer-figure");
    figure.replaceChildren();
    const found = fillPicture(figure, one, true);
    if (found && found.source && found.note) figure.append(element("figcaption", "faint", found.note));
    byId("viewer-problem").textContent = one.problem;
    byId("viewer-organs").replaceChildren(...(one.organs.length ? [organTable(one)] : []));
    byId("viewer-reasons").replaceChildren(reasonsOf(one));
    byId("viewer-facts").replaceChildren(...one.facts.map(([title, text]) => {
      const group = element("div");
      group.append(element("dt", "", title), element("dd", "", text));
      return group;
    }));
    byId("viewer-command").hidden = one.view === "";
    byId("viewer-command").querySelector("code").textContent = one.view;
    byId("viewer-links").replaceChildren(...one.links.map(([title, address]) => {
      const link = element("a", "", title);
      link.href = address;
      return link;
    }));
    const { mark, note } = markOf(one);
    for (const choice of choices) choice.setAttribute("aria-pressed", String(choice.dataset.mark === mark));
    byId("note").value = note;
    byId("previous").disabled = open === 0;
    byId("next").disabled = open === shown.length - 1;
  };
  const openViewer = (position) => {
    open = position;
    fillViewer();
    viewer.scrollTop = 0;
    if (!viewer.open) viewer.showModal();
  };
  const mark = (value) => {
    setMark(shown[open], { mark: value });
    fillViewer();
  };
  const step = (by) => {
    const to = open + by;
    if (to < 0 || to >= shown.length) return;
    while (drawn <= to) drawMore();
    openViewer(to);
  };
  viewer.addEventListener("close", () => {
    const one = shown[open];
    open = -1;
    const item = one && byId(`card-${one.place}`);
    if (item) item.querySelector(".open").focus();
  });
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });
  viewer.addEventListener("keydown", (event) => {
    if (event.target === byId("note") || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (Object.hasOwn(MARKS, key)) {
      mark(MARKS[key]);
    } else return;
    event.preventDefault();
  });
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => viewer.close());
  for (const choice of choices) choice.addEventListener("click", () => mark(choice.dataset.mark));
  byId("note").addEventListener("input", () => setMark(shown[open], { note: byId("note").value }));

  // Export.
  const rows = () => cases
    .map((one) => ({ case: one.name, ...markOf(one), verdict: one.judgement, labels_sha256: one.key }))
    .filter((row) => row.mark || row.note);
  const cell = (text) => {
    const safe = /^'*[=+\-@\t\r]/.test(text) ? `'${text}` : text; // no spreadsheet takes it for a formula
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const save = (name, type, text) => {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  byId("export-csv").addEventListener("click", () => {
    const columns = ["case", "mark", "note", "verdict", "labels_sha256"];
    const lines = rows().map((row) => columns.map((column) => cell(row[column])).join(","));
    save("marks.csv", "text/csv", `${[columns.join(","), ...lines].join("\n")}\n`);
  });
  byId("export-json").addEventListener("click", () => {
    save("marks.json", "application/json", `${JSON.stringify(rows(), null, 2)}\n`);
  });

  for (const filter of filters) filter.addEventListener("input", show);
  byId("reset").addEventListener("click", () => {
    for (const filter of filters) if (filter.tagName === "SELECT") filter.selectedIndex = 0; else filter.value = "";
    show();
  });
  byId("more").addEventListener("click", drawMore);
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && drawn < shown.length) drawMore();
  }, { rootMargin: "1200px" }).observe(byId("more"));
  window.addEventListener("storage", (event) => {
    if (event.key !== STORE) return;
    for (const key of Object.keys(marks)) delete marks[key];
    Object.assign(marks, load());
    countMarks();
    show();
  });
  countMarks();
  show();
})();
