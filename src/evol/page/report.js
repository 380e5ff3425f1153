"use strict";
// The lineage browser. Every text of a run reaches the page through text nodes alone.
(() => {
  const PAGE = 100;
  const LARGEST_TABLE = 9e6; // cells of a comparison; beyond it two texts are shown whole
  const LEAST_SHARED = 0.35; // of two texts; below it differences would be noise
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const { lineages, generations } = data;
  const state = { found: [], shown: 0, open: -1 };

  function make(name, options = {}, ...children) {
    const { text, ...rest } = options;
    const node = Object.assign(document.createElement(name), rest);
    if (text !== undefined) node.textContent = text;
    node.append(...children);
    return node;
  }

  const plural = (count, one) => `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
  const colour = (generation) =>
    generation ? 1 + Math.round(6 * (generations <= 1 ? 1 : (generation - 1) / (generations - 1))) : 0;

  // ---- texts -----------------------------------------------------------------------------------------------------
  // what is not seen but acts (controls, direction overrides, tags) is shown by its number
  const UNSEEN = /[\p{Cc}\p{Cs}\u00ad\u061c\u200b\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

  function appendText(parent, text) {
    let done = 0;
    for (const found of text.matchAll(UNSEEN)) {
      if (found[0] === "\n" || found[0] === "\t" || found[0] === "\r") continue;
      parent.append(text.slice(done, found.index));
      const number = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      parent.append(make("span", { className: "hidden-char", text: `U+${number}` }));
      done = found.index + found[0].length;
    }
    parent.append(text.slice(done));
    return parent;
  }

  // ---- differences -----------------------------------------------------------------------------------------------
  // a word with the space after it; scripts without spaces go character by character
  const SINGLE = "\\u0e00-\\u0e7f\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff";
  const TOKEN = new RegExp(`(?:[${SINGLE}]|(?:(?![${SINGLE}])[\\p{L}\\p{N}\\p{M}_])+|\\s+|[^])\\s*`, "gu");

  function compare(before, after) {
    const [a, b] = [before, after].map((text) => text.match(TOKEN) || []);
    const [x, y] = [a, b].map((tokens) => tokens.map((token) => token.trim()));
    let head = 0;
    while (head < a.length && head < b.length && x[head] === y[head]) head += 1;
    let tail = 0;
    while (tail < a.length - head && tail < b.length - head && x[a.length - 1 - tail] === y[b.length - 1 - tail]) tail += 1;
    const rows = a.length - head - tail, columns = b.length - head - tail, width = columns + 1;
    if ((rows + 1) * width > LARGEST_TABLE) return null;
    const longest = new Uint16Array((rows + 1) * width); // length of the longest common rest
    for (let i = rows - 1; i >= 0; i -= 1) {
      for (let j = columns - 1; j >= 0; j -= 1) {
        longest[i * width + j] = x[head + i] === y[head + j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
      }
    }
    const parts = [{ kind: "same", old: "", text: b.slice(0, head).join("") }];
    const put = (kind, old, text) => {
      const last = parts.at(-1);
      if (last.kind === kind) { last.old += old; last.text += text; } else parts.push({ kind, old, text });
    };
    let i = 0, j = 0;
    while (i < rows || j < columns) {
      if (i < rows && j < columns && x[head + i] === y[head + j]) put("same", a[head + i++], b[head + j++]);
      else if (j === columns || (i < rows && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) put("change", a[head + i++], "");
      else put("change", "", b[head + j++]);
    }
    put("same", "", b.slice(b.length - tail).join(""));
    let shared = 0;
    for (const part of parts) if (part.kind === "same") shared += part.text.length;
    return { parts: smooth(parts), shared: (2 * shared) / Math.max(1, before.length + after.length) };
  }

  // one short word that stayed between two changes is read more easily as part of the change
  function smooth(parts) {
    const result = [];
    parts.forEach((part, index) => {
      const inside = index > 0 && index < parts.length - 1;
      const taken = part.kind === "same" && inside && part.text.trim().length <= 3 ? { ...part, kind: "change" } : part;
      const last = result.at(-1);
      if (last && last.kind === taken.kind) { last.old += taken.old; last.text += taken.text; } else result.push({ ...taken });
    });
    return result;
  }

  function showDifferences(parent, before, after) {
    const found = compare(before, after);
    if (!found || found.shared < LEAST_SHARED) {
      appendText(parent, after);
      return found ? "shares little with its parent, shown without differences" : "too long to compare, shown without differences";
    }
    for (const part of found.parts) {
      if (part.kind === "same") { appendText(parent, part.text); continue; }
      if (part.old) parent.append(appendText(make("del"), part.old));
      if (part.text) parent.append(appendText(make("ins"), part.text));
    }
    return "";
  }

  // ---- search ----------------------------------------------------------------------------------------------------
  const controls = Object.fromEntries(["query", "generation", "operation", "fate", "skill"].map((id) => [id, byId(id)]));

  function fill(select, entries) {
    for (const [value, label] of entries) select.append(new Option(label, value));
  }

  function collect(pick) {
    return [...new Set(lineages.flatMap((lineage) => lineage.rows.map(pick)).filter(Boolean))].sort();
  }

  function findRows(lineage, wanted) {
    if (wanted.skill && data.skills[lineage.id] !== wanted.skill) return null;
    const named = wanted.query && lineage.id.toLowerCase().includes(wanted.query);
    const hits = [];
    lineage.rows.forEach((row, index) => {
      if (wanted.generation !== "" && row.generation !== Number(wanted.generation)) return;
      if (wanted.operation && row.operation !== wanted.operation) return;
      if (wanted.fate === "kept" && row.reason) return;
      if (wanted.fate === "eliminated" && !row.reason) return;
      if (wanted.fate.startsWith("=") && row.reason !== wanted.fate.slice(1)) return;
      if (wanted.query && !named && !row.instruction.toLowerCase().includes(wanted.query) && !row.response.toLowerCase().includes(wanted.query)) return;
      hits.push(index);
    });
    return hits.length ? hits : null;
  }

  function search() {
    const wanted = Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value]));
    wanted.query = wanted.query.trim().toLowerCase();
    state.isNarrow = Object.values(wanted).some(Boolean);
    state.found = [];
    lineages.forEach((lineage, index) => {
      const hits = findRows(lineage, wanted);
      if (hits) state.found.push({ index, hits: state.isNarrow && (wanted.query || wanted.generation || wanted.operation || wanted.fate) ? hits : [] });
    });
    state.shown = 0;
    byId("list").replaceChildren();
    const rows = state.found.reduce((sum, { hits }) => sum + hits.length, 0);
    byId("count").textContent = state.isNarrow
      ? `${state.found.length.toLocaleString("en")} of ${plural(lineages.length, "lineage")} found` + (rows ? `, ${plural(rows, "matching row")}` : "")
      : plural(lineages.length, "lineage");
    extendList();
    if (state.found.length && !state.found.some(({ index }) => index === state.open)) open(state.found[0].index);
    else if (state.open >= 0) open(state.open);
  }

  function describeFates(lineage, hits) {
    const fates = make("span", { className: "fates" });
    const words = [];
    for (const [index, row] of lineage.rows.entries()) {
      if (!row.generation) continue;
      const mark = make("span", { text: row.reason ? "×" : "●", className: row.reason ? "out" : "kept" });
      if (hits.includes(index)) mark.classList.add("hit");
      words.push(row.reason || "kept");
      fates.append(mark);
    }
    fates.append("·".repeat(Math.max(0, generations + 1 - lineage.rows.length)));
    fates.setAttribute("role", "img");
    fates.setAttribute("aria-label", words.join(", ") || "not evolved");
    fates.title = words.join(", ");
    return fates;
  }

  function extendList() {
    const list = byId("list");
    for (const { index, hits } of state.found.slice(state.shown, state.shown + PAGE)) {
      const lineage = lineages[index];
      const first = make("bdi", { className: "first", dir: "auto" });
      appendText(first, lineage.rows[0].instruction.slice(0, 200));
      const name = make("bdi");
      appendText(name, data.skills[lineage.id] ? `${lineage.id} · ${data.skills[lineage.id]}` : lineage.id);
      const button = make("button", { type: "button" }, make("span", { className: "line" }, name, describeFates(lineage, hits)), first);
      button.dataset.index = index;
      if (index === state.open) button.setAttribute("aria-current", "true");
      list.append(make("li", {}, button));
    }
    state.shown = Math.min(state.found.length, state.shown + PAGE);
    byId("more").hidden = state.shown >= state.found.length;
  }

  // ---- one lineage -----------------------------------------------------------------------------------------------
  const choices = { differences: true, responses: false };

  function choose(name, label) {
    const box = make("input", { type: "checkbox", checked: choices[name] });
    box.addEventListener("change", () => {
      choices[name] = box.checked;
      open(state.open);
      byId("detail").querySelector(`[data-choice=${name}]`).focus();
    });
    box.dataset.choice = name;
    return make("label", {}, box, label);
  }

  function step(label, offset) {
    const place = state.found.findIndex(({ index }) => index === state.open) + offset;
    const button = make("button", { type: "button", text: label, disabled: !state.found[place] });
    button.addEventListener("click", () => {
      open(state.found[place].index, true);
    });
    return button;
  }

  function drawRow(lineage, row, hits, index) {
    const item = make("li", { className: `step c${colour(row.generation)}${row.reason ? " out" : ""}${hits.includes(index) ? " hit" : ""}` });
    const meta = make("div", { className: "meta" });
    meta.append(make("h4", { text: row.generation ? `Generation ${row.generation}` : "Seed" }));
    if (row.generation) meta.append(make("span", { text: row.operation }));
    if (row.generation > 1 && row.parent !== row.generation - 1)
      meta.append(make("span", { text: row.parent ? `from generation ${row.parent}` : "from the seed" }));
    if (row.reason) meta.append(make("span", { className: "badge", text: `eliminated: ${row.reason}` }));
    meta.append(make("span", { text: plural(row.words[0], "word") }));
    for (const [mode, score] of Object.entries(data.scores[`${lineage.id}.${row.generation}`] || {}))
      meta.append(make("span", { text: `difficulty ${score} (${mode})` }));
    item.append(meta);
    if (row.detail) item.append(appendText(make("p", { className: "detail", dir: "auto" }), row.detail));
    const text = make("p", { className: "text instruction", dir: "auto" });
    const parent = row.generation ? lineage.rows.find((other) => other.generation === row.parent) : null;
    let remark = "";
    if (!row.instruction) text.append(make("span", { className: "empty", text: "no instruction" }));
    else if (parent && choices.differences) remark = showDifferences(text, parent.instruction, row.instruction);
    else appendText(text, row.instruction);
    if (remark) meta.append(make("span", { text: remark }));
    item.append(text);
    if (row.instruction_cut) item.append(make("p", { className: "detail", text: `cut here: ${plural(row.instruction_cut, "more character")}` }));
    if (row.response) {
      const whole = make("details", { open: choices.responses }, make("summary", { text: `Response, ${plural(row.words[1], "word")}` }));
      whole.append(appendText(make("p", { className: "text response", dir: "auto" }), row.response));
      if (row.response_cut) whole.append(make("p", { className: "detail", text: `cut here: ${plural(row.response_cut, "more character")}` }));
      item.append(whole);
    } else item.append(make("p", { className: "empty detail", text: row.reason ? "no response was asked for, or none came" : "no response" }));
    return item;
  }

  function open(index, move = false) {
    state.open = index;
    const lineage = lineages[index];
    const hits = (state.found.find((found) => found.index === index) || { hits: [] }).hits;
    for (const button of byId("list").querySelectorAll("button")) {
      if (Number(button.dataset.index) === index) {
        button.setAttribute("aria-current", "true");
        if (move && button.offsetParent) button.scrollIntoView({ block: "nearest" });
      } else button.removeAttribute("aria-current");
    }
    const title = make("h3", { tabIndex: -1 });
    title.append(appendText(make("bdi"), lineage.id));
    if (data.skills[lineage.id]) title.append(" · ", appendText(make("bdi"), data.skills[lineage.id]));
    const back = make("button", { type: "button", className: "back", text: "Back to the list" });
    back.addEventListener("click", () => {
      const current = byId("list").querySelector("[aria-current]") || byId("query");
      current.focus();
      current.scrollIntoView({ block: "center" });
    });
    const chain = make("ol", { className: "chain" }, ...lineage.rows.map((row, place) => drawRow(lineage, row, hits, place)));
    const missing = generations + 1 - lineage.rows.length;
    if (missing > 0) chain.append(make("li", { className: "note", text: `${plural(missing, "generation")} not there (yet): the lineage is unfinished` }));
    byId("detail").replaceChildren(
      make("div", { className: "head" }, title, choose("differences", "differences"), choose("responses", "open all responses"),
        step("Previous", -1), step("Next", 1), back),
      chain,
    );
    if (move) {
      title.focus({ preventScroll: true });
      if (byId("detail").getBoundingClientRect().top < 0 || matchMedia("(max-width: 50rem)").matches) byId("detail").scrollIntoView();
      history.replaceState(null, "", `#seed=${encodeURIComponent(lineage.id)}`);
    }
  }

  // ---- figures ---------------------------------------------------------------------------------------------------
  const tip = byId("tip");

  function placeOnMap(target) {
    if (!target.closest || !target.closest("#figure-map")) return null;
    const group = target.parentNode;
    if (!group.classList.contains("mark-symbol") || !group.classList.contains("role-mark")) return null;
    return data.points[Array.prototype.indexOf.call(group.children, target)] || null;
  }

  function showTip(event) {
    const point = placeOnMap(event.target);
    let text = "";
    if (point) {
      const row = lineages[point[0]].rows[point[1]];
      text = `generation ${row.generation}: ${row.instruction.slice(0, 160)}${row.instruction.length > 160 ? "…" : ""}`;
    } else if (event.target.closest && event.target.closest("figure svg") && event.target.getAttribute("role") === "graphics-symbol") {
      text = event.target.getAttribute("aria-label") || "";
    }
    tip.hidden = !text;
    if (!text) return;
    tip.replaceChildren();
    appendText(tip, text);
    const left = Math.min(event.pageX + 12, scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${event.pageY + 16}px`;
  }

  // ---- begin -----------------------------------------------------------------------------------------------------
  document.addEventListener("pointermove", showTip);
  document.addEventListener("click", (event) => {
    const point = placeOnMap(event.target);
    if (!point) return;
    tip.hidden = true;
    byId("filters").reset();
    search();
    open(point[0], true);
    byId("detail").scrollIntoView();
  });
  byId("no-script").hidden = true;
  if (!lineages.length) return;
  byId("filters").hidden = byId("browser").hidden = false;
  fill(controls.generation, [["", "any"], ...Array.from({ length: generations + 1 }, (_, number) => [String(number), number ? String(number) : "0 (seeds)"])]);
  fill(controls.operation, [["", "any"], ...collect((row) => row.generation && row.operation).map((name) => [name, name])]);
  fill(controls.fate, [["", "any"], ["kept", "kept"], ["eliminated", "eliminated"], ...collect((row) => row.reason).map((name) => [`=${name}`, `eliminated: ${name}`])]);
  const skills = [...new Set(Object.values(data.skills))].sort();
  byId("skill-field").hidden = !skills.length;
  fill(controls.skill, [["", "any"], ...skills.map((name) => [name, name])]);
  let waiting = 0;
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(search));
  byId("filters").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 120);
  });
  byId("more").addEventListener("click", extendList);
  byId("list").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) open(Number(button.dataset.index), true);
  });
  byId("list").addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const item = step && event.target.closest("li")[step];
    if (!item) return;
    event.preventDefault();
    item.firstElementChild.focus();
  });
  let named = "";
  try {
    named = decodeURIComponent((/^#seed=(.*)$/.exec(location.hash) || ["", ""])[1]);
  } catch {
    // no name of ours
  }
  state.open = lineages.findIndex((lineage) => lineage.id === named);
  search();
  if (state.open >= 0 && named) byId("detail").scrollIntoView();
})();
