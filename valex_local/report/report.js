// The interactive parts of a report: tabs, the player with its script and timeline, the list of posts. Every page is
// readable without it. Text is inserted as text content only, never as markup.
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // --- tabs -----------------------------------------------------------------------------------------------------

  // Turns sections that follow one another into panels, one of which is shown.
  function makeTabs(group) {
    const panels = all(":scope > .tab", group);
    if (panels.length < 2) return;
    const list = make("div", { role: "tablist", "aria-label": group.dataset.tabs, class: "tablist" });
    const tabs = panels.map((panel) => {
      panel.setAttribute("role", "tabpanel");
      return make(
        "button",
        { type: "button", role: "tab", "aria-controls": panel.id },
        make("bdi", {}, panel.dataset.tab),
      );
    });
    list.append(...tabs);
    list.addEventListener("click", (event) => {
      const at = tabs.indexOf(event.target.closest("[role=tab]"));
      if (at >= 0) showTab(group, panels[at]);
    });
    list.addEventListener("keydown", (event) => {
      const to = moved(event, tabs.indexOf(document.activeElement), tabs.length);
      if (to === null) return;
      showTab(group, panels[to]);
      tabs[to].focus();
    });
    group.prepend(list);
    group.classList.add("tabbed");
    showTab(group, panels[0]);
  }

  function showTab(group, shown) {
    const panels = all(":scope > .tab", group);
    all(":scope > .tablist > [role=tab]", group).forEach((tab, at) => {
      const selected = panels[at] === shown;
      tab.setAttribute("aria-selected", selected);
      tab.tabIndex = selected ? 0 : -1;
      panels[at].hidden = !selected;
    });
    group.dispatchEvent(new CustomEvent("tab", { bubbles: true, detail: shown }));
  }

  // Returns which of `count` items in a row an arrow key leads to, or null for any other key.
  function moved(event, at, count) {
    const last = count - 1;
    const places = {
      ArrowRight: Math.min(at + 1, last),
      ArrowDown: Math.min(at + 1, last),
      ArrowLeft: Math.max(at - 1, 0),
      ArrowUp: Math.max(at - 1, 0),
      Home: 0,
      End: last,
    };
    if (!(event.key in places) || event.ctrlKey || event.metaKey || event.altKey) return null;
    event.preventDefault();
    return places[event.key];
  }

  // A link to a line opens the panel that contains it.
  function showTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const panel = target?.closest(".tabbed > .tab[hidden]");
    if (!panel) return;
    showTab(panel.parentElement, panel);
    target.scrollIntoView({ block: "center" });
  }

  // A table that overflows can be scrolled with the keyboard; others are not a stop of the Tab key.
  const overflowing = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const hides = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
      target.toggleAttribute("tabindex", hides);
      if (hides) target.tabIndex = 0;
    }
  });

  // --- the player -----------------------------------------------------------------------------------------------

  function makePlayer(player) {
    const timed = all("[data-start]");
    const playheads = all(".playhead");

    const seek = (time) => {
      player.currentTime = time;
      follow();
    };

    function follow() {
      const time = player.currentTime;
      for (const element of timed) {
        const now = Number(element.dataset.start) <= time && time < Number(element.dataset.end);
        element.classList.toggle("now", now);
      }
      for (const line of playheads) {
        const share = Math.min(time / Number(line.parentNode.dataset.duration), 1);
        line.setAttribute("x1", `${100 * share}%`);
        line.setAttribute("x2", `${100 * share}%`);
      }
    }

    document.addEventListener("click", (event) => {
      if (event.target.closest("a")) return;
      const lane = event.target.closest("svg.lane");
      // A click that ends a selection of text should not play it.
      const line = getSelection().isCollapsed ? event.target.closest(".line") : null;
      const item = event.target.closest("[data-seek]") ?? line?.querySelector("[data-seek]");
      if (item) seek(Number(item.dataset.seek));
      else if (lane) {
        const box = lane.getBoundingClientRect();
        seek((Number(lane.dataset.duration) * (event.clientX - box.left)) / box.width);
      }
    });
    player.addEventListener("timeupdate", follow);
    const fail = () => {
      document.getElementById("player-fails").hidden = false;
    };
    player.addEventListener("error", fail);
    if (player.error) fail(); // before this script ran
  }

  // Each lane is one stop of the Tab key; arrow keys move inside it, Enter and Space play from there.
  function makeLane(lane) {
    const items = all(".item", lane);
    lane.addEventListener("keydown", (event) => {
      const at = items.indexOf(event.target);
      if (at < 0) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
        return;
      }
      const to = moved(event, at, items.length);
      if (to === null) return;
      items[at].setAttribute("tabindex", -1);
      items[to].setAttribute("tabindex", 0);
      items[to].focus();
    });
  }

  // --- the list of posts ----------------------------------------------------------------------------------------

  const PAGE = 25;
  const FAILED = 1;
  const NO_VIDEO = 2;
  const HELD = { present: "pd", conflicted: "c", "": "pdc" };

  // The same normalisation and word splitting as in valex_local/report/words.py.
  const fold = (text) => text.normalize("NFKD").replace(/\p{Mn}/gu, "").toLowerCase();
  const parts = (text) =>
    fold(text)
      .split(/[^\p{L}\p{N}_@#$€£%&'’.-]+/u)
      .map((word) => word.replace(/^[.'’-]+|[.'’-]+$/g, ""))
      .filter(Boolean);

  function makeList(form) {
    const { values, posts } = globalThis.valexPosts;
    const table = document.querySelector("table.posts");
    const pager = document.querySelector(".pager");
    const found = document.querySelector(".found");
    const fields = form.elements;
    let labels = 0;
    let page = 0;
    let words = null;

    function chosen() {
      const wanted = parts(fields.text.value);
      const value = fields.value.value;
      const letters = HELD[fields.state.value];
      return posts.filter(([, , , flags, states], at) => {
        const post = states[labels] ?? "";
        if (fields.which.value === "failed" && !(flags & FAILED)) return false;
        if (fields.which.value === "unlabelled" && post) return false;
        if (fields.which.value === "videoless" && !(flags & NO_VIDEO)) return false;
        const asked = value === "" ? (fields.state.value ? [...post] : null) : [post[value] ?? ""];
        if (asked && !asked.some((letter) => letter && letters.includes(letter))) return false;
        return wanted.every((word) => words[at].includes(word));
      });
    }

    function show() {
      if (fields.text.value.trim() && words === null) return loadWords();
      const rows = chosen();
      const pages = Math.max(1, Math.ceil(rows.length / PAGE));
      page = Math.min(page, pages - 1);
      const shown = rows.slice(page * PAGE, (page + 1) * PAGE);
      table.tBodies[0].replaceChildren(...shown.map(row));
      table.hidden = rows.length === 0;
      pager.hidden = pages === 1;
      pager.querySelector(".page").textContent = `Page ${page + 1} of ${pages}`;
      const [back, on] = all("button", pager);
      back.disabled = page === 0;
      on.disabled = page === pages - 1;
      const of = rows.length === posts.length ? "" : ` of ${posts.length}`;
      found.textContent = `${rows.length}${of} post${posts.length === 1 ? "" : "s"}`;
      remember();
    }

    function row([id, author, caption, flags, states]) {
      const link = make("a", { href: `${form.dataset.list}${encodeURIComponent(id)}.html` }, make("bdi", {}, id));
      const who = make("th", { scope: "row" }, link);
      if (author) who.append(make("bdi", { class: "author" }, author));
      if (flags & FAILED) who.append(make("span", { class: "tag warn" }, "failures"));
      return make("tr", {}, who, make("td", {}, make("bdi", {}, caption)), make("td", {}, chips(states[labels] ?? "")));
    }

    function chips(states) {
      if (!states) return make("span", { class: "hint" }, "no labels");
      const list = make("ul", { class: "chips" });
      [...states].forEach((letter, at) => {
        if (!HELD[""].includes(letter)) return;
        const [name, pole] = values[at];
        const kind = letter === "c" ? "conflicted" : "present";
        const text = kind === "conflicted" ? `${name}, conflicted` : name;
        list.append(make("li", { class: `state ${kind} p-${pole}` }, text));
      });
      return list.children.length ? list : make("span", { class: "hint" }, "none");
    }

    // The search index is loaded at the first search only.
    function loadWords() {
      if (document.getElementById("words")) return;
      found.textContent = "Loading the search index …";
      const script = make("script", { src: form.dataset.words, id: "words" });
      script.addEventListener("load", () => {
        words = globalThis.valexWords;
        show();
      });
      script.addEventListener("error", () => {
        found.textContent = `The file ${form.dataset.words} is missing. To search, run valex report again.`;
      });
      document.head.append(script);
    }

    // The URL stores the search, so that going back from a post leads to the same list.
    const NAMES = ["text", "value", "state", "which"];
    let remembered = false;

    function remember() {
      const asked = NAMES.map((name) => [name, fields[name].value]);
      const state = new URLSearchParams([...asked, ["page", page || ""]].filter(([, value]) => value));
      if (state.size || remembered) history.replaceState(null, "", `#${state}`);
      remembered = state.size > 0;
    }

    function recall() {
      const state = new URLSearchParams(location.hash.slice(1));
      if (![...state.values()].some(Boolean)) return;
      for (const name of NAMES) fields[name].value = state.get(name) ?? "";
      page = Number(state.get("page")) || 0;
    }

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      page = 0;
      show();
    });
    pager.addEventListener("click", (event) => {
      const button = event.target.closest("[data-turn]");
      if (!button) return;
      page += Number(button.dataset.turn);
      show();
      document.getElementById("posts").scrollIntoView();
    });
    document.addEventListener("tab", (event) => {
      labels = Number(event.detail.dataset.labels);
      show();
    });
    // Clicking a value in the chart or in its table shows the posts with it.
    document.addEventListener("click", (event) => {
      const asked = event.target.closest("[data-value]");
      if (!asked) return;
      fields.value.value = asked.dataset.value;
      page = 0;
      show();
      document.getElementById("posts-head").focus();
    });
    form.hidden = false;
    recall();
    show();
  }

  // --- the page -------------------------------------------------------------------------------------------------

  document.documentElement.classList.add("js");
  const list = document.querySelector("form.finder");
  if (list) makeList(list);
  all("[data-tabs]").forEach(makeTabs);
  const player = document.getElementById("player");
  if (player) makePlayer(player);
  all("svg.lane").forEach(makeLane);
  all(".scroll").forEach((place) => overflowing.observe(place));
  addEventListener("hashchange", showTarget);
  showTarget();
})();
