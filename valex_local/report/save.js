// Saves figures as SVG and PNG, and tables as CSV, from the page itself: nothing is fetched.
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // What a figure takes from the style sheet.
  const STYLES = [
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-family",
    "font-size", "font-weight", "font-style", "letter-spacing", "text-anchor", "dominant-baseline", "visibility",
  ]; // prettier-ignore
  const SCALE = 2; // pixels of a PNG for one of the page

  // Returns a figure that stands alone: with its styles, the page's definitions and its ground.
  function alone(svg) {
    const copy = svg.cloneNode(true);
    const originals = [svg, ...all("*", svg)];
    [copy, ...all("*", copy)].forEach((element, at) => {
      const style = getComputedStyle(originals[at]);
      for (const name of STYLES) {
        const value = style.getPropertyValue(name);
        if (value) element.style.setProperty(name, value);
      }
      element.removeAttribute("class");
    });
    const box = svg.getBoundingClientRect();
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    if (!copy.hasAttribute("viewBox")) copy.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
    for (const definitions of all("svg.definitions > *")) {
      const own = definitions.cloneNode(true);
      const inside = all("*", definitions);
      all("*", own).forEach((element, at) => {
        const style = getComputedStyle(inside[at]);
        for (const name of ["fill", "stroke", "stroke-width"]) element.style.setProperty(name, style.getPropertyValue(name));
      });
      copy.prepend(own);
    }
    copy.style.setProperty("background", getComputedStyle(document.body).backgroundColor);
    return { text: new XMLSerializer().serializeToString(copy), width: box.width, height: box.height };
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  function savePicture(svg, name) {
    const { text, width, height } = alone(svg);
    const picture = new Image();
    picture.addEventListener("load", () => {
      const canvas = document.createElement("canvas");
      canvas.width = Math.ceil(width * SCALE);
      canvas.height = Math.ceil(height * SCALE);
      const context = canvas.getContext("2d");
      context.fillStyle = getComputedStyle(document.body).backgroundColor;
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.drawImage(picture, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => save(blob, `${name}.png`), "image/png");
    });
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  }

  // Cells that a spreadsheet could take for formulas get an apostrophe, as in the tables that the program writes.
  function cell(text) {
    const plain = text.replace(/\s+/g, " ").trim();
    const safe = /^[=+\-@]/.test(plain) && !/^[+-]?\d+([.,]\d+)?$/.test(plain) ? `'${plain}` : plain;
    return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function saveTable(table, name) {
    const rows = all("tr", table).map((row) => all("th, td", row).map((one) => cell(one.innerText)).join(","));
    save(new Blob([`${rows.join("\r\n")}\r\n`], { type: "text/csv" }), `${name}.csv`);
  }

  function nameOf(place) {
    const heading = place.closest("section")?.querySelector("h2, h3")?.textContent ?? "figure";
    return `${document.title} ${heading}`.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 80).toLowerCase();
  }

  function offer(after, choices) {
    const row = document.createElement("p");
    row.className = "saves";
    row.append("Save: ");
    for (const [kind, act] of Object.entries(choices)) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain";
      button.textContent = kind;
      button.addEventListener("click", act);
      row.append(button, " ");
    }
    after.after(row);
  }

  for (const figure of all("figure")) {
    const svg = figure.querySelector("svg:not(.boxes)");
    if (!svg) continue;
    const name = nameOf(figure);
    offer(figure.lastElementChild, {
      SVG: () => save(new Blob([alone(svg).text], { type: "image/svg+xml" }), `${name}.svg`),
      PNG: () => savePicture(svg, name),
    });
  }
  for (const table of all("main table")) {
    if (table.classList.contains("posts")) continue;
    offer(table, { CSV: () => saveTable(table, nameOf(table)) });
  }
})();
