"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const count = data.questions[0].responses.length;
  const store = "evol-ballot-" + data.ballot;
  const at = (id) => document.getElementById(id);
  const state = { annotator: "", place: 0, ranks: Object.create(null) };  // an id may be "__proto__"
  let current = 0;

  const load = () => {
    try {
      const found = JSON.parse(localStorage.getItem(store) || "{}");
      if (typeof found.annotator === "string") state.annotator = found.annotator;
      if (Number.isInteger(found.place) && data.questions[found.place]) state.place = found.place;
      for (const question of data.questions) {
        const ranks = (found.ranks || {})[question.id];
        if (Array.isArray(ranks) && ranks.length === count) state.ranks[question.id] = ranks;
      }
    } catch { /* told at the first save */ }
  };
  const save = () => {
    try {
      localStorage.setItem(store, JSON.stringify(state));
    } catch {
      tell("This browser keeps nothing: save as JSON before you close the page.");
    }
  };
  const tell = (text) => { at("told").textContent = text; };
  const make = (name, parent, properties) => parent.appendChild(Object.assign(document.createElement(name), properties));
  const ranksOf = (question) => state.ranks[question.id] || new Array(count).fill(0);
  const isRanked = (question) => ranksOf(question).every((rank) => rank > 0);
  const question = () => data.questions[state.place];

  const showProgress = () => {
    const ranked = data.questions.filter(isRanked).length;
    at("done").textContent = `${ranked} of ${data.questions.length} ranked`;
    at("progress").max = data.questions.length;
    at("progress").value = ranked;
  };

  const showCurrent = () => {
    [...at("responses").children].forEach((card, place) => card.classList.toggle("current", place === current));
  };

  const show = () => {
    const one = question();
    at("place").textContent = `Question ${state.place + 1} of ${data.questions.length}`;
    at("instruction").textContent = one.instruction;
    at("responses").replaceChildren();
    const ranks = ranksOf(one);
    one.responses.forEach((text, place) => {
      const card = make("section", at("responses"), { className: "response card" });
      card.addEventListener("pointerdown", () => { current = place; showCurrent(); });
      card.addEventListener("focusin", () => { current = place; showCurrent(); });
      make("h3", card, { textContent: `Response ${place + 1}` });
      make("p", card, text
        ? { className: "text", textContent: text }
        : { className: "soft text", textContent: "(an empty response)" });
      const field = make("fieldset", card, {});
      make("legend", field, { textContent: "Rank" });
      for (let rank = 1; rank <= count; rank += 1) {
        const label = make("label", field, {});
        const radio = make("input", label, { type: "radio", name: `rank-${place}`, value: String(rank), checked: ranks[place] === rank });
        radio.addEventListener("change", () => { give(place, rank); });
        label.append(rank === 1 ? "1 (best)" : String(rank));
      }
    });
    current = Math.max(0, ranks.indexOf(0));
    showCurrent();
    at("previous").disabled = state.place === 0;
    at("next").disabled = state.place === data.questions.length - 1;
    showProgress();
  };

  const give = (place, rank) => {
    const one = question();
    const ranks = [...ranksOf(one)];
    ranks[place] = rank;
    state.ranks[one.id] = ranks;
    save();
    const radio = at("responses").querySelector(`input[name="rank-${place}"][value="${rank}"]`);
    if (radio) radio.checked = true;
    const open = ranks.indexOf(0);
    if (open >= 0) current = open;
    showCurrent();
    showProgress();
    tell(open < 0 ? "Ranked. Enter goes to the next question." : "");
  };

  const go = (place) => {
    if (!data.questions[place]) return;
    state.place = place;
    save();
    tell("");
    show();
    at("question").scrollIntoView({ block: "nearest" });
  };
  const clear = () => { delete state.ranks[question().id]; save(); tell(""); show(); };
  const goUnranked = () => {
    const order = data.questions.map((_, step) => (state.place + 1 + step) % data.questions.length);
    const place = order.find((candidate) => !isRanked(data.questions[candidate]));
    if (place === undefined) tell("Every question is ranked: save as JSON and send the file."); else go(place);
  };

  at("previous").addEventListener("click", () => go(state.place - 1));
  at("next").addEventListener("click", () => go(state.place + 1));
  at("clear").addEventListener("click", clear);
  at("unranked").addEventListener("click", goUnranked);
  at("annotator").addEventListener("input", (event) => { state.annotator = event.target.value; save(); });

  let url = "";
  at("export").addEventListener("click", (event) => {
    const annotator = state.annotator.trim();
    if (!annotator) {
      event.preventDefault();
      tell("Please write your name first: it tells ballots apart.");
      at("annotator").focus();
      return;
    }
    const ranks = Object.create(null);
    for (const one of data.questions) if (isRanked(one)) ranks[one.id] = ranksOf(one);
    const content = JSON.stringify({ format: data.format, ballot: data.ballot, annotator, ranks }, null, 2);
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(new Blob([content + "\n"], { type: "application/json" }));
    at("export").href = url;
    at("export").download = `ballot-${annotator.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "x"}.json`;
    tell(`Saved ${Object.keys(ranks).length} of ${data.questions.length} questions.`);
  });

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || target.type === "text") return;
    const rank = Number(event.key);
    if (rank >= 1 && rank <= count) {
      event.preventDefault();
      give(current, rank);
      return;
    }
    const isRadio = target.type === "radio";
    const isPressed = ["BUTTON", "A", "SUMMARY"].includes(target.tagName);
    if (event.key === "Enter" && !isPressed) go(state.place + 1);
    else if (event.key === "n") go(state.place + 1);
    else if (event.key === "p") go(state.place - 1);
    else if (event.key === "Backspace") clear();
    else if (event.key === "ArrowRight" && !isRadio) { current = (current + 1) % count; showCurrent(); }
    else if (event.key === "ArrowLeft" && !isRadio) { current = (current + count - 1) % count; showCurrent(); }
    else return;
    event.preventDefault();
  });

  load();
  at("annotator").value = state.annotator;
  show();
})();
