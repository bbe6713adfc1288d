// What pages can do beyond htmx: copy, relative times, keys, focus, confirmations, the live switch.
(() => {
  const status = (text) => { const region = document.getElementById("status"); if (region) region.textContent = text; };

  // Copy; plain-HTTP hosts have no clipboard API.
  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text; area.className = "hidden"; document.body.append(area);
    area.select(); document.execCommand("copy"); area.remove();
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await copy(button.dataset.copy);
    const label = button.querySelector("span"), before = label ? label.textContent : "";
    if (label) { label.textContent = "Copied"; setTimeout(() => { label.textContent = before; }, 1500); }
    status("Copied");
  });

  // Relative times count on.
  const span = (s) => s < 60 ? `${Math.floor(s)} s` : s < 3600 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
  setInterval(() => {
    for (const at of document.querySelectorAll("time[data-ago]")) {
      const seconds = (Date.now() - Date.parse(at.dateTime)) / 1000;
      if (seconds >= 1 && seconds < 86400) at.textContent = `${span(seconds)} ago`;
    }
  }, 1000);

  // Choosing something else keeps what is written: short fields of the other form go along in the address.
  const CARRIED_MAX = 4000;
  document.addEventListener("submit", (event) => {
    const chooser = event.target, from = chooser.dataset && chooser.dataset.carry;
    const form = from && document.getElementById(from);
    if (!form) return;
    for (const old of chooser.querySelectorAll("[data-carried]")) old.remove();
    let room = CARRIED_MAX;
    for (const field of form.elements) {
      if (!field.name || ["hidden", "file", "submit"].includes(field.type) || field.name === "json" || field.name.includes(":")) continue;
      if (field.type === "radio" && !field.checked) continue;
      const value = field.type === "checkbox" ? (field.checked ? "on" : "off") : field.value;
      if (!value || (room -= value.length) < 0) continue;
      const carried = document.createElement("input");
      carried.type = "hidden"; carried.name = field.name; carried.value = value; carried.dataset.carried = "";
      chooser.append(carried);
    }
  });

  // Choices that show something else do so at once.
  document.addEventListener("change", (event) => { if (event.target.matches("[data-auto]")) event.target.form.requestSubmit(); });

  // Ask before acts that cannot be taken back.
  document.addEventListener("submit", (event) => {
    const pressed = event.submitter && event.submitter.dataset.confirm;
    const question = pressed || (event.target.dataset && event.target.dataset.confirm);
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // How many are selected.
  const told = () => document.querySelector("[data-picked]");
  const count = () => {
    const number = document.querySelectorAll("input[name='pick']:checked").length;
    if (told()) told().textContent = number ? `${number} selected` : "Select files to act on several at once.";
  };
  document.addEventListener("change", (event) => { if (event.target.name === "pick") count(); });
  window.addEventListener("pageshow", count);

  // Live / Paused: pausing takes the stream away, going on reloads what is shown.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-live]");
    if (!button) return;
    if (button.getAttribute("aria-pressed") === "false") { location.reload(); return; }
    button.setAttribute("aria-pressed", "false");
    button.querySelector("span:last-child").textContent = "Paused";
    document.getElementById("live")?.remove();
    status("Paused");
  });

  // Keys: / searches, g and a letter goes, j and k move, x selects, f likes, Enter opens, Ctrl+Enter sends. Off while typing, or by setting.
  const PLACES = { p: "/playground", t: "/tasks", g: "/gallery", u: "/usage", w: "/wallet", k: "/keys", h: "/webhooks", l: "/linked-accounts" };
  let going = false;
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const item = (link) => link.closest("li, tr");
  const rows = () => [...document.querySelectorAll("main .row-link")];
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.form || event.target.closest("form");
      if (form) { event.preventDefault(); form.requestSubmit(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.body.dataset.keys === "off") return;
    if (going) { going = false; if (PLACES[event.key]) location.href = PLACES[event.key]; return; }
    if (event.key === "g") { going = true; setTimeout(() => { going = false; }, 1200); }
    else if (event.key === "/") { const find = document.querySelector("[data-key='/']"); if (find) { event.preventDefault(); find.focus(); } }
    else if (event.key === "j" || event.key === "k") {
      const links = rows(), at = links.indexOf(document.activeElement);
      (links[at + (event.key === "j" ? 1 : -1)] || links[0])?.focus();
    }
    else if (event.key === "x" || event.key === "f") {
      const chosen = rows().find((link) => link === document.activeElement);
      (chosen && item(chosen).querySelector(event.key === "x" ? "input[name='pick']" : ".star"))?.click();
    }
  });

  // Browsers without invoker commands.
  if (!("commandForElement" in HTMLButtonElement.prototype)) {
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button[commandfor]");
      const dialog = button && document.getElementById(button.getAttribute("commandfor"));
      if (!dialog) return;
      if (button.getAttribute("command") === "close") dialog.close(); else dialog.showModal();
    });
  }

  // The zone of the browser, for the server's words; what is shown now becomes right with the next page.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`vermilion_zone=${encodeURIComponent(zone)}`)) {
    document.cookie = `vermilion_zone=${encodeURIComponent(zone)}; path=/; max-age=34560000; samesite=lax`;
  }

  // Busy regions, and the error summary takes the focus.
  document.addEventListener("htmx:before:request", (event) => event.target.setAttribute?.("aria-busy", "true"));
  document.addEventListener("htmx:finally:request", (event) => event.target.removeAttribute?.("aria-busy"));
  document.addEventListener("DOMContentLoaded", () => document.querySelector(".summary")?.focus());
})();
