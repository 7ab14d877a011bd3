// The page on which a person codes a post. Every change goes to the server at once, with what the field held before, so
// that two tabs overwrite nothing. Text is inserted as text content only, never as markup.
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const by = (id) => document.getElementById(id);
  const main = by("main");
  const post = main.dataset.post;
  const rows = all(".coded");
  const lines = all(".script .line");
  const player = by("player");
  const TYPING = 250; // milliseconds after the last key of a note until it is sent
  const AGAIN = 1500; // milliseconds until a change that could not be sent is sent again

  let coding = null; // as the person sees it: what is stored, with the changes that are on their way
  let current = 0;
  let machine = null;
  let others = [];
  const queue = [];
  let sending = null;

  const valueOf = (row) => row.dataset.value;
  const coded = (row = rows[current]) => coding.values[valueOf(row)];
  const undecided = () => rows.filter((row) => coded(row).mark === "");
  const idOf = (line) => line.id.replace(/^s\d+-/, "");

  // --- saving -----------------------------------------------------------------------------------------------------

  function change(...wanted) {
    const changes = wanted.map(({ field, value = null, after }) => {
      const place = value === null ? coding : coding.values[value];
      const name = field;
      const before = place[name];
      place[name] = after;
      return { field, value, before, after };
    });
    queue.push(changes.filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after)));
    if (!queue.at(-1).length) queue.pop();
    show();
    return send();
  }

  function send() {
    sending ??= drain().finally(() => (sending = null));
    return sending;
  }

  async function drain() {
    while (queue.length) {
      saved("saving");
      const answer = await ask(`/coding/${post}`, { changes: queue[0] });
      if (answer === null) {
        await new Promise((done) => setTimeout(done, AGAIN));
        continue;
      }
      const [status, found] = answer;
      if (status >= 500) {
        // Such as a full disk: the change stays, and is sent again.
        saved(`not saved: ${found?.error ?? status}`, true);
        await new Promise((done) => setTimeout(done, AGAIN));
        continue;
      }
      const sent = queue.shift();
      if (status === 200) {
        if (!queue.length) adopt(found);
      } else if (status === 409) {
        queue.length = 0;
        adopt(found);
        const lost = sent.map(({ field, value, after }) => `${value ?? "post"}, ${field}: ${JSON.stringify(after)}`);
        tell(`This was changed in another tab or window. What is stored is shown now. Not stored: ${lost.join("; ")}`);
      } else if (status === 422) {
        queue.length = 0;
        adopt(found);
        tell("A finished post has a decision on every value. R makes the rest absent.");
      } else {
        queue.length = 0;
        tell(found?.error ?? `This could not be stored (status ${status}).`);
        await load();
        return;
      }
    }
    saved("saved");
  }

  // Returns status and content of an answer, or null if there is none.
  async function ask(address, content) {
    try {
      const options = { method: "POST", body: JSON.stringify(content ?? {}), keepalive: true };
      const answer = await fetch(address, content === undefined ? {} : options);
      if (answer.status === 403 && answer.headers.get("content-type")?.startsWith("text/plain")) {
        saved("not saved: start valex review again, and open its new address", true);
        return null;
      }
      return [answer.status, await answer.json()];
    } catch {
      saved("not saved: valex review does not answer; trying again", true);
      return null;
    }
  }

  async function load() {
    const answer = await ask(`/coding/${post}`);
    if (answer?.[0] !== 200 || queue.length) return;
    adopt(answer[1]);
    saved("saved");
  }

  function adopt(found) {
    coding = found;
    others = found.others;
    show();
  }

  function saved(text, failing = false) {
    const place = by("saved");
    if (place.textContent !== text) place.textContent = text;
    place.classList.toggle("failing", failing);
  }

  function tell(text) {
    by("told").textContent = text;
    by("told").hidden = !text;
  }

  // --- showing ----------------------------------------------------------------------------------------------------

  function show() {
    rows.forEach((row, at) => {
      const { mark, confidence, note, lines: marked } = coded(row);
      row.classList.toggle("current", at === current);
      row.classList.toggle("decided", mark !== "");
      row.classList.toggle("is-absent", mark === "absent");
      row.tabIndex = at === current ? 0 : -1;
      row.setAttribute("aria-label", `${valueOf(row)}: ${mark || "not decided"}`);
      for (const button of all("[data-mark]", row)) press(button, button.dataset.mark === mark);
      const extra = [confidence && `confidence ${confidence}`, marked.join(" "), note && "note"];
      row.querySelector(".extra").textContent = extra.filter(Boolean).join(" · ");
      showOthers(row);
      const said = machine?.map(({ name, values }) => `${name}: ${values[valueOf(row)].replace("_", " ")}`);
      row.querySelector(".machine").textContent = said?.join(" · ") ?? "";
    });
    showDetail();
    const left = undecided().length;
    by("decided").textContent = `${rows.length - left} of ${rows.length}`;
    by("rest").disabled = left === 0;
    by("finish").firstChild.textContent = coding.done ? "Reopen " : "Finish ";
    by("finish").querySelector("kbd").hidden = coding.done;
    by("show-machine").disabled = !coding.done && !("machine" in main.dataset);
    fill(by("post-note"), coding.note);
    document.body.classList.toggle("is-done", coding.done);
  }

  function showOthers(row) {
    const marks = others.map(({ coder, values }) => [coder, values[valueOf(row)].mark]);
    row.classList.toggle("differs", new Set(marks.map(([, mark]) => mark)).size > 1);
    row.querySelector(".others").textContent = marks.map(([coder, mark]) => `${coder}: ${mark}`).join(" · ");
  }

  function showDetail() {
    const name = valueOf(rows[current]);
    const { confidence, note, lines: marked } = coded();
    for (const entry of all(".entry")) entry.hidden = entry.dataset.value !== name;
    for (const button of all("[data-confidence]")) press(button, button.dataset.confidence === confidence);
    by("lines").textContent = marked.join(" ") || "none";
    fill(by("note"), note);
    for (const line of lines) {
      const shows = marked.includes(idOf(line));
      line.classList.toggle("is-marked", shows);
      press(line.querySelector(".mark"), shows);
    }
    const remarks = others.flatMap(({ coder, values }) => {
      const { lines: theirs, note: remark } = values[name];
      const text = [theirs.length && `lines ${theirs.join(" ")}`, remark].filter(Boolean).join("; ");
      return text ? [Object.assign(document.createElement("p"), { textContent: `${coder}: ${text}` })] : [];
    });
    by("others").replaceChildren(...remarks);
  }

  const press = (button, pressed) => button.setAttribute("aria-pressed", pressed);

  // A text that is being typed stays as it is.
  function fill(field, text) {
    if (document.activeElement !== field && field.value !== text) field.value = text;
  }

  // --- what a person does -----------------------------------------------------------------------------------------

  function go(at, focus = true) {
    current = Math.max(0, Math.min(at, rows.length - 1));
    show();
    if (!focus) return;
    rows[current].focus();
    rows[current].scrollIntoView({ block: "nearest" });
  }

  function set(mark) {
    const value = valueOf(rows[current]);
    tell("");
    change({ field: "mark", value, after: mark });
    go(mark === "absent" ? current + 1 : current);
  }

  function rest() {
    const left = undecided();
    if (left.length) change(...left.map((row) => ({ field: "mark", value: valueOf(row), after: "absent" })));
  }

  const sure = (confidence) => {
    const after = coded().confidence === confidence ? null : confidence;
    return change({ field: "confidence", value: valueOf(rows[current]), after });
  };

  function toggle(line) {
    const marked = coded().lines;
    const id = idOf(line);
    const kept = marked.includes(id) ? marked.filter((other) => other !== id) : [...marked, id];
    const after = lines.map(idOf).filter((other) => kept.includes(other));
    change({ field: "lines", value: valueOf(rows[current]), after });
  }

  function nextUndecided() {
    const turned = rows.map((_, n) => (current + 1 + n) % rows.length);
    const at = turned.find((n) => coded(rows[n]).mark === "");
    if (at !== undefined) go(at);
  }

  function finish() {
    tell("");
    const left = undecided();
    if (!left.length) return change({ field: "done", after: true });
    tell(`${left.length} values are not decided. R makes them absent; X goes to the next one.`);
    return null;
  }

  async function leave(link) {
    if (link === null) link = by("all");
    flushNotes();
    await send();
    location.assign(link.href);
  }

  async function showMachine() {
    if (!coding.done && !("machine" in main.dataset)) {
      tell("Labels of models are hidden until the post is finished.");
      return;
    }
    await send();
    const answer = await ask(`/machine/${post}`, {});
    if (answer?.[0] !== 200) return;
    machine = answer[1];
    if (!machine.length) tell("This post has no labels of models.");
    await load();
  }

  function markLines() {
    if (!lines.length) tell("This post has no script, so there are no lines to mark.");
    (lines.find((line) => line.classList.contains("now")) ?? lines[0])?.focus();
  }

  const seek = (by_) => player && (player.currentTime = Math.max(0, player.currentTime + by_));
  const play = () => player && (player.paused ? player.play().catch(() => {}) : player.pause());

  function help() {
    by("keys").hidden = !by("keys").hidden;
    by("help").setAttribute("aria-expanded", !by("keys").hidden);
  }

  // --- notes ------------------------------------------------------------------------------------------------------

  const timers = new Map();

  function noteOf(field, value) {
    const store = () => {
      clearTimeout(timers.get(field)?.timer);
      timers.delete(field);
      change({ field: "note", value: value(), after: field.value });
    };
    field.addEventListener("input", () => {
      clearTimeout(timers.get(field)?.timer);
      timers.set(field, { timer: setTimeout(store, TYPING), store });
    });
    field.addEventListener("blur", () => timers.get(field)?.store());
  }

  const flushNotes = () => [...timers.values()].forEach(({ store }) => store());

  noteOf(by("note"), () => valueOf(rows[current]));
  noteOf(by("post-note"), () => null);

  // --- keys and clicks --------------------------------------------------------------------------------------------

  const KEYS = {
    ArrowDown: () => go(current + 1), j: () => go(current + 1),
    ArrowUp: () => go(current - 1), k: () => go(current - 1),
    Home: () => go(0), End: () => go(rows.length - 1),
    1: () => set("absent"), a: () => set("absent"),
    2: () => set("present"), p: () => set("present"),
    3: () => set("dominant"), d: () => set("dominant"),
    4: () => set("conflicted"), c: () => set("conflicted"),
    0: () => set(""), Backspace: () => set(""),
    7: () => sure("low"), 8: () => sure("medium"), 9: () => sure("high"),
    r: rest, x: nextUndecided, m: showMachine, "?": help,
    n: () => by("note").focus(), N: () => by("post-note").focus(),
    l: markLines,
    " ": play, ArrowLeft: () => seek(-2), ArrowRight: () => seek(2),
    Enter: () => (coding.done ? leave(by("next")) : finish()),
    "[": () => by("previous") && leave(by("previous")), "]": () => by("next") && leave(by("next")),
  };

  const lineKeys = (line) => ({
    ArrowDown: () => lines[lines.indexOf(line) + 1]?.focus(),
    ArrowUp: () => lines[lines.indexOf(line) - 1]?.focus(),
    " ": () => toggle(line),
    Enter: () => {
      line.querySelector("[data-seek]")?.click();
      player?.play().catch(() => {});
    },
    Escape: () => go(current), l: () => go(current),
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || coding === null) return;
    const at = event.target;
    if (at.matches("textarea")) {
      if (event.key === "Escape") go(current);
      return;
    }
    if (at.matches("video") || (at.matches("button, a, summary") && [" ", "Enter"].includes(event.key))) return;
    const name = event.key.length === 1 && event.key !== "N" ? event.key.toLowerCase() : event.key;
    const act = (at.matches(".script .line") ? lineKeys(at)[name] : undefined) ?? KEYS[name];
    if (!act) return;
    event.preventDefault();
    act();
  });

  for (const line of lines) {
    line.tabIndex = -1;
    const button = Object.assign(document.createElement("button"), { type: "button", className: "mark" });
    button.textContent = idOf(line);
    button.setAttribute("aria-label", `Line ${idOf(line)} shows the value`);
    button.tabIndex = -1;
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      toggle(line);
    });
    line.append(button);
  }
  rows.forEach((row, at) => {
    row.addEventListener("focusin", () => at !== current && go(at, false));
    row.addEventListener("click", (event) => {
      const mark = event.target.closest("[data-mark]")?.dataset.mark;
      go(at, false);
      if (mark) change({ field: "mark", value: valueOf(row), after: coded(row).mark === mark ? "" : mark });
    });
  });
  for (const button of all("[data-confidence]")) {
    button.addEventListener("click", () => sure(button.dataset.confidence));
  }
  by("rest").addEventListener("click", rest);
  by("finish").addEventListener("click", () => (coding.done ? change({ field: "done", after: false }) : finish()));
  by("show-machine").addEventListener("click", showMachine);
  by("help").addEventListener("click", help);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) flushNotes();
    else if (!queue.length) load();
  });
  addEventListener("beforeunload", (event) => {
    flushNotes();
    if (queue.length) event.preventDefault();
  });

  load().then(() => {
    if (coding === null) return;
    const first = rows.findIndex((row) => coded(row).mark === "");
    go(first < 0 ? 0 : first);
    scrollTo(0, 0);
    if ("machine" in main.dataset) showMachine();
  });
})();
