// Coding a post with the keyboard or the mouse. Every decision is sent at once; the answer is what is stored, and the
// page shows that. Text is inserted as text content only, never as markup.
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const by = (id) => document.getElementById(id);

  let coding = JSON.parse(by("coding").textContent);
  const values = all(".value");
  const lines = all(".script .line").filter((line) => line.id);
  const place = location.pathname;
  const script = document.querySelector(".script .tab")?.dataset.tab ?? null;
  let current = -1;
  let cursor = -1;
  let pending = Promise.resolve();
  let unsent = 0;
  let refusals = 0;
  const PAUSE = 1500; // milliseconds

  // --- what is stored -------------------------------------------------------------------------------------------

  function say(text, trouble = false) {
    by("saved").textContent = text;
    by("saved").classList.toggle("trouble", trouble);
  }

  // Sends one change after the other, each until it is answered.
  function send(path, body) {
    unsent += 1;
    const since = refusals;
    pending = pending.then(async () => {
      try {
        if (since !== refusals) return null; // decided before the person saw what another window had stored
        const [stored, data] = await answer(path, body);
        // What waits to be sent is shown already; only the last answer, or a refusal, says what is stored in the end.
        if (data.coding && (unsent === 1 || data.error)) coding = data.coding;
        else if (data.coding) coding.changed[body.field] = data.coding.changed[body.field];
        if (data.error) {
          refusals += 1;
          const rest = unsent > 1 ? `. Not stored either: ${unsent - 1} later changes` : "";
          say(data.error + rest, true);
        } else say("saved");
        show();
        return stored ? data : null;
      } finally {
        unsent -= 1;
      }
    });
    return pending;
  }

  // Returns whether a change was stored, and what the server says. Without an answer it is sent again: what is shown as
  // decided must not be lost.
  async function answer(path, body) {
    for (;;) {
      try {
        // What this window has read of this field; others may have changed meanwhile.
        const seen = coding.changed[body.field] ?? 0;
        const found = await fetch(`${place}/${path}`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ ...body, seen }),
          keepalive: true,
        });
        const data = await found.json();
        if (found.status < 500) return [found.ok, data];
        say(`NOT saved: ${data.error}. Trying again`, true);
      } catch {
        say("NOT saved: the program that shows this page does not answer. Trying again", true);
      }
      await new Promise((again) => setTimeout(again, PAUSE));
    }
  }

  const set = (field, value) => send("coding", { field, value, script });

  // Shows a decision at once and sends it.
  function setValue(value, of) {
    if (of === null) delete coding.values[value];
    else coding.values[value] = of;
    show();
    set(value, of);
  }

  window.addEventListener("beforeunload", (event) => {
    if (unsent > 0) event.preventDefault();
  });

  // Another window may have changed the coding meanwhile.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && unsent === 0) {
      fetch(`${place}/coding`)
        .then((answer) => answer.json())
        .then((data) => {
          coding = data.coding;
          show();
        })
        .catch(() => say("The program that shows this page does not answer. Start valex review again.", true));
    }
  });

  // --- what is shown --------------------------------------------------------------------------------------------

  const name = (at) => values[at].dataset.value;
  const decided = (at) => (at < 0 ? undefined : coding.values[name(at)]);
  const lineName = (line) => line.id.slice(line.id.indexOf("-") + 1);

  function stateOf(one) {
    return one === undefined ? null : one.dominant ? "dominant" : one.state;
  }

  function show() {
    values.forEach((row, at) => {
      const one = decided(at);
      row.classList.toggle("decided", one !== undefined);
      row.classList.toggle("current", at === current);
      row.querySelector(".about").hidden = at !== current;
      for (const button of all("[data-state]", row)) {
        button.setAttribute("aria-pressed", button.dataset.state === stateOf(one));
      }
      const shown = row.querySelector(".shown-by");
      shown.hidden = !one?.lines?.length;
      shown.textContent = one?.lines?.length ? `shown by ${one.lines.join(", ")}` : "";
      const remark = row.querySelector(".remark");
      const sure = one?.confidence ? `confidence ${one.confidence}` : "";
      remark.textContent = [sure, one?.note].filter(Boolean).join(": ");
      remark.hidden = at === current || !remark.textContent;
      for (const button of all("[data-sure]", row)) {
        button.setAttribute("aria-pressed", button.dataset.sure === one?.confidence);
      }
      const note = row.querySelector(".value-note");
      note.disabled = one === undefined;
      if (document.activeElement !== note) note.value = one?.note ?? "";
    });
    const marked = new Set(decided(current)?.lines ?? []);
    lines.forEach((line, at) => {
      line.classList.toggle("cursor", at === cursor);
      line.classList.toggle("marked", marked.has(lineName(line)));
    });
    for (const button of all("[data-confidence]")) {
      button.setAttribute("aria-pressed", button.dataset.confidence === coding.confidence);
    }
    if (document.activeElement !== by("note")) by("note").value = coding.note;
    by("reopen").hidden = !coding.done;
    by("done").textContent = coding.done ? "Finished: next post" : "Finish: the rest is absent";
  }

  function choose(at) {
    flush();
    current = at;
    show();
  }

  function go(to) {
    choose(Math.max(0, Math.min(values.length - 1, to)));
    values[current].scrollIntoView({ block: "nearest" });
  }

  // Goes to the next value whose name starts with a letter.
  function find(letter) {
    const starts = (at) => name(at).toLowerCase().startsWith(letter);
    const order = values.map((_, n) => (current + 1 + n) % values.length);
    const to = order.find(starts);
    if (to !== undefined) go(to);
  }

  function point(to) {
    if (!lines.length) return;
    cursor = Math.max(0, Math.min(lines.length - 1, to));
    show();
    lines[cursor].scrollIntoView({ block: "nearest" });
  }

  // --- deciding -------------------------------------------------------------------------------------------------

  function decide(at, state) {
    if (at < 0) {
      say("Choose a value first: an arrow key, or its first letter", true);
      return;
    }
    const kept = decided(at) ?? {};
    const value = {
      ...kept,
      state: state === "dominant" ? "present" : state,
      dominant: state === "dominant",
      lines: state === "absent" ? [] : (kept.lines ?? []),
    };
    setValue(name(at), state === null ? null : value);
  }

  function mark() {
    const one = decided(current);
    if (cursor < 0) return;
    if (!one || one.state === "absent") {
      say("Decide that the value is present or conflicted, then mark lines", true);
      return;
    }
    const line = lineName(lines[cursor]);
    const without = one.lines.filter((other) => other !== line);
    setValue(name(current), { ...one, lines: without.length < one.lines.length ? without : [...one.lines, line] });
  }

  // How sure, of the current value, or of the post if none is.
  function rate(level) {
    if (current < 0) set("confidence", level);
    else if (decided(current)) setValue(name(current), { ...decided(current), confidence: level });
    else say("Decide about the value first, then say how sure you are", true);
  }

  function annotate() {
    const field = current < 0 ? by("note") : values[current].querySelector(".value-note");
    if (field.disabled) say("Decide about the value first, then write a note on it", true);
    else field.focus();
  }

  async function finish() {
    await flush();
    const answer = coding.done ? {} : await set("done", true);
    if (answer === null) return;
    location.assign(by("after")?.href ?? "/");
  }

  // Notes, on the post and on values: sent when typing pauses, and when the field is left.
  let noteTimer = 0;
  function flush() {
    clearTimeout(noteTimer);
    if (by("note").value !== coding.note) set("note", by("note").value);
    const typed = values[current]?.querySelector(".value-note").value;
    const one = decided(current);
    if (one && typed !== (one.note ?? "")) setValue(name(current), { ...one, note: typed });
    return pending;
  }
  for (const field of all("#note, .value-note")) {
    field.addEventListener("input", () => {
      clearTimeout(noteTimer);
      noteTimer = setTimeout(flush, 400);
    });
    field.addEventListener("blur", flush);
  }

  // --- correcting -----------------------------------------------------------------------------------------------

  const form = by("edit");

  function edit() {
    if (cursor < 0) point(0);
    const line = lines[cursor];
    // A line that several speakers say is shown in parts, S3.1 and S3.2, and corrected as a whole.
    const wholeName = (part) => lineName(part).replace(/[.][0-9]+$/, "");
    const whole = line ? wholeName(line) : "";
    const tab = line?.closest(".tab");
    const parts = lines.filter((part) => part.closest(".tab") === tab && wholeName(part) === whole);
    if (!/^[ST][0-9]+$/.test(whole)) {
      say("Only lines that were recognised, S and T, can be corrected", true);
      return;
    }
    form.elements.text.value = parts.map((part) => part.querySelector(".said, .shown")?.textContent ?? "").join(" ");
    form.elements.start.value = parts[0].dataset.start ?? "";
    form.elements.end.value = parts.at(-1).dataset.end ?? "";
    form.elements.speaker.value = line.querySelector(".speaker")?.textContent ?? "";
    form.querySelector(".who-says").hidden = !line.querySelector(".speaker");
    form.dataset.line = whole;
    for (const field of form.elements) field.dataset.before = field.value;
    form.hidden = false;
    form.elements.text.focus();
  }

  async function correct(change) {
    const answer = await send("correct", { line: form.dataset.line, ...change });
    if (answer) location.reload();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const change = {};
    for (const field of ["text", "start", "end", "speaker"]) {
      const { value, dataset } = form.elements[field];
      if (value !== dataset.before && value.trim()) change[field] = /^(start|end)$/.test(field) ? Number(value) : value;
    }
    if (Object.keys(change).length) correct(change);
    else form.hidden = true;
  });
  form.elements.remove.addEventListener("click", () => correct({ removed: true }));
  form.elements.cancel.addEventListener("click", () => (form.hidden = true));

  by("exclude").addEventListener("click", async () => {
    const reason = by("reason").value.trim();
    if (!reason) return say("Say why the post does not belong here", true);
    if (await send("exclude", { reason })) location.assign(by("after")?.href ?? "/");
  });

  // --- keys and clicks ------------------------------------------------------------------------------------------

  const states = { 0: "absent", 1: "present", 2: "dominant", 3: "conflicted" };
  const levels = { 7: "low", 8: "medium", 9: "high" };
  const player = by("player");

  function skip(seconds) {
    if (player) player.currentTime = Math.max(0, player.currentTime + seconds);
  }

  const keys = {
    ArrowDown: () => go(current + 1),
    ArrowUp: () => go(current - 1),
    Backspace: () => decide(current, null),
    ".": () => point(cursor + 1),
    ",": () => point(cursor - 1),
    x: mark,
    e: edit,
    n: annotate,
    " ": () => player && (player.paused ? player.play() : player.pause()),
    ArrowLeft: () => skip(-2),
    ArrowRight: () => skip(2),
    Enter: finish,
  };
  for (const [key, state] of Object.entries(states)) keys[key] = () => decide(current, state);
  for (const [key, level] of Object.entries(levels)) keys[key] = () => rate(level);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      const inside = !form.hidden || document.activeElement !== document.body;
      form.hidden = true;
      document.activeElement.blur();
      if (!inside) choose(-1);
      return;
    }
    const target = event.target;
    if (target.closest("input, textarea, select, video, [role=tab], .lane")) return;
    // Buttons and links keep what Enter and Space do to them.
    if (target.closest("button, a, summary") && (event.key === "Enter" || event.key === " ")) return;
    const letter = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : null;
    const act = keys[event.key] ?? (letter && (() => find(letter)));
    if (!act) return;
    event.preventDefault();
    act();
  });

  by("values").addEventListener("click", (event) => {
    const row = event.target.closest(".value");
    if (!row) return;
    go(values.indexOf(row));
    const { state, sure } = event.target.closest("button")?.dataset ?? {};
    if (sure) rate(sure);
    if (state) decide(current, state === stateOf(decided(current)) ? null : state);
  });
  // A click on a choice leaves the focus where it is, so that Enter still finishes the post.
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest("[data-state], [data-confidence], [data-sure]")) event.preventDefault();
  });
  for (const line of lines) {
    line.addEventListener("click", () => point(lines.indexOf(line)));
    line.addEventListener("dblclick", edit);
  }
  for (const button of all("[data-confidence]")) {
    button.addEventListener("click", () => set("confidence", button.dataset.confidence));
  }
  by("done").addEventListener("click", finish);
  by("reopen").addEventListener("click", () => set("done", false));

  show();
  document.body.dataset.ready = "";
})();
