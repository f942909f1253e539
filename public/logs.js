// Logs as they are written: of one container, or merged over all pods of a workload.
//
// The page hands in an element that it leaves alone afterwards, and what is to be shown:
//   { path, label, containers: ["app", …], merged: false, fallback: "Log of …" }
// A stream is lines of `pod container time text`. At most MOST lines are kept, and only those that can be seen are in
// the document, so that fifty thousand scroll as ten do.

import { button, field, make, select, toggle } from "/parts.js";

const MOST = 50000;
const DROP = 5000;
const LINE = 18;
const BEYOND = 20;
const AGAIN = 2000;
const INKS = ["#8ecae6", "#ffb4a2", "#b8e994", "#e0aaff", "#ffd166", "#7bdcb5", "#f4978e", "#a0c4ff"];
// Colours and cursor movements of terminals.
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007]*\u0007|[@-_])/g;

export function openLog(host, options) {
  return new Log(host, JSON.parse(options));
}

class Log {
  constructor(host, options) {
    this.host = host;
    this.options = options;
    this.lines = [];
    this.tops = [0];
    this.inks = new Map();
    this.latest = new Map();
    this.skip = new Map();
    this.hits = [];
    this.hit = -1;
    this.missed = 0;
    this.sticks = true;
    this.wraps = false;
    this.shows = { time: false };
    this.draw();
    this.sizer = new ResizeObserver(() => this.resized());
    this.sizer.observe(this.view);
    this.start();
  }

  draw() {
    const { options } = this;
    this.container = select(
      "Container",
      [...(options.merged ? [["", "All containers"]] : []), ...options.containers.map((name) => [name, name])],
      () => this.start(),
    );
    this.container.value = options.container ?? this.container.options[0]?.value ?? "";
    this.lasts = select("How much", [["1000", "Last 1,000 lines"], ["10000", "Last 10,000"], ["50000", "Last 50,000"]], () => this.start());
    this.since = select("Since", [["", "Any time"], ["300", "5 minutes"], ["3600", "1 hour"], ["86400", "1 day"]], () => this.start());
    this.follow = toggle("Follow", true, () => this.start());
    this.previous = toggle("Before restart", false, () => this.start());
    this.previous.title = "What the container wrote before it was restarted last";
    this.search = field({
      type: "search",
      placeholder: "Find",
      "aria-label": "Find in the log",
      size: 14,
      oninput: () => this.seek(),
      onkeydown: (event) => event.key === "Enter" && this.step(event.shiftKey ? -1 : 1),
    });
    this.found = make("span", { className: "tabular text-xs text-stage-quiet", role: "status" });
    this.download = make("a", { className: button("").className, download: "" }, "Download");
    this.state = make("p", { className: "px-3 py-1 text-xs text-stage-quiet", role: "status" });
    const bar = make(
      "div",
      { className: "flex flex-wrap items-center gap-1 border-b border-stage-rule bg-stage-raised px-2 py-1" },
      options.containers.length > 1 ? this.container : null,
      this.lasts,
      this.since,
      this.follow,
      options.merged ? null : this.previous,
      toggle("Times", false, (isOn) => this.change(() => (this.shows.time = isOn))),
      toggle("Wrap", false, (isOn) => this.change(() => (this.wraps = isOn))),
      make("span", { className: "flex-1" }),
      this.search,
      this.found,
      this.download,
    );
    this.space = make("div", { className: "relative" });
    this.block = make("div", { className: "absolute inset-x-0" });
    this.space.append(this.block);
    this.view = make(
      "div",
      {
        className: "log h-[32rem] max-h-[70dvh] overflow-auto p-3 focus-visible:outline-stage-accent",
        tabIndex: 0,
        role: "log",
        "aria-live": "off",
        "aria-label": options.label,
        onscroll: () => this.scrolled(),
      },
      this.space,
    );
    this.newer = button("", () => this.toEnd(), { hidden: true });
    this.newer.classList.add("absolute", "bottom-9", "left-1/2", "bg-stage-raised");
    this.host.replaceChildren(
      make("div", { className: "on-stage relative overflow-hidden rounded-panel bg-stage text-stage-ink" }, bar, this.view, this.newer, this.state),
    );
    // Monospaced letters: one tells how wide all are.
    const probe = make("span", { className: "absolute invisible whitespace-pre" }, "0".repeat(100));
    this.space.append(probe);
    this.letter = probe.getBoundingClientRect().width / 100 || 7;
    probe.remove();
  }

  url(more = {}) {
    const url = new URL(this.options.path, location.href);
    const set = (key, value) => value && url.searchParams.set(key, value);
    set("container", this.container.value);
    set("since", this.since.value);
    if (isOn(this.previous)) set("previous", "true");
    for (const [key, value] of Object.entries(more)) set(key, value);
    return url;
  }

  // Begins anew with what is chosen now.
  start() {
    this.lines = [];
    this.tops = [0];
    this.latest.clear();
    this.skip = new Map();
    this.missed = 0;
    this.sticks = true;
    this.download.href = this.url({ download: "true" });
    this.seek();
    this.read(this.url({ lines: this.lasts.value, follow: isOn(this.follow) ? "true" : "" }));
  }

  async read(url) {
    this.stop?.abort();
    clearTimeout(this.timer);
    const stop = new AbortController();
    this.stop = stop;
    this.say("Reading…");
    let words = "";
    try {
      const answer = await fetch(url, { signal: stop.signal, headers: { accept: "text/x-log" } });
      if (answer.status === 401) {
        location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
        return;
      }
      if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.message ?? `The answer was ${answer.status}.`);
      this.say(isOn(this.follow) ? "Following." : "");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const parts = (rest + value).split("\n");
        rest = parts.pop();
        this.add(parts);
      }
    } catch (error) {
      if (stop.signal.aborted) return;
      words = error instanceof TypeError ? "The connection was lost." : error.message;
    }
    if (stop.signal.aborted || !this.sizer) return;
    if (!isOn(this.follow)) {
      this.say(words || (this.lines.length ? "" : "Nothing was written in this time."));
      return;
    }
    this.say(`${words || "The log ended."} Looking again…`);
    this.timer = setTimeout(() => {
      this.skip = new Map(this.latest);
      this.read(this.url({ lines: this.lasts.value, follow: "true", since: this.age() }));
    }, AGAIN);
  }

  // Seconds since the last line, so that nothing is missed; what comes twice is left out by its time.
  age() {
    const last = [...this.latest.values()].sort().at(-1);
    if (!last) return this.since.value;
    return String(Math.max(1, Math.ceil((Date.now() - Date.parse(last)) / 1000) + 5));
  }

  add(texts) {
    for (const text of texts) {
      const [pod, container, time] = text.split(" ", 3);
      if (time === undefined) continue;
      const from = `${pod} ${container}`;
      const known = this.skip.get(from);
      if (known !== undefined && time <= known) continue;
      this.latest.set(from, time);
      const words = text.slice(from.length + time.length + 2).replace(ESCAPES, "").replaceAll("\t", "    ").replace("\r", "");
      this.lines.push({ pod, container, time, words });
      if (!this.inks.has(pod)) this.inks.set(pod, INKS[this.inks.size % INKS.length]);
      if (!this.sticks) this.missed += 1;
    }
    if (this.lines.length > MOST) {
      const dropped = this.tops[DROP] ?? 0;
      this.lines.splice(0, this.lines.length - MOST + DROP);
      this.measure();
      if (!this.sticks) this.view.scrollTop -= dropped;
      this.seek();
    }
    this.look();
  }

  head(line) {
    const parts = [];
    if (this.shows.time) parts.push(line.time.replace("T", " ").slice(0, 23));
    if (this.options.merged) parts.push(this.container.value === "" && this.options.containers.length > 1 ? `${line.pod}/${line.container}` : line.pod);
    return parts.length ? `${parts.join(" ")} ` : "";
  }

  // Where each line begins. All are equally high unless they wrap.
  measure() {
    this.tops = [0];
    this.grow();
  }

  grow() {
    const columns = Math.max(10, Math.floor((this.view.clientWidth - 24) / this.letter));
    for (let at = this.tops.length - 1; at < this.lines.length; at += 1) {
      const line = this.lines[at];
      const rows = this.wraps ? Math.max(1, Math.ceil((this.head(line).length + line.words.length) / columns)) : 1;
      this.tops.push(this.tops[at] + rows * LINE);
    }
  }

  change(act) {
    act();
    this.measure();
    this.look();
  }

  resized() {
    if (this.wraps) this.measure();
    this.look();
  }

  // Draws once for all that happens until the next picture.
  look() {
    if (this.isLooking) return;
    this.isLooking = true;
    requestAnimationFrame(() => {
      this.isLooking = false;
      if (this.sizer) this.paint();
    });
  }

  paint() {
    this.grow();
    if (this.search.value && this.sought < this.lines.length) this.seekNew();
    this.space.style.height = `${this.tops.at(-1)}px`;
    if (this.sticks) this.view.scrollTop = this.view.scrollHeight;
    const first = Math.max(0, this.lineAt(this.view.scrollTop) - BEYOND);
    const last = Math.min(this.lines.length, this.lineAt(this.view.scrollTop + this.view.clientHeight) + BEYOND);
    this.block.style.top = `${this.tops[first] ?? 0}px`;
    this.block.replaceChildren(...this.lines.slice(first, last).map((line, index) => this.row(line, first + index)));
    this.newer.hidden = this.sticks || this.missed === 0;
    this.newer.textContent = `${this.missed.toLocaleString("en")} new ${this.missed === 1 ? "line" : "lines"} below`;
  }

  row(line, index) {
    const row = make("div", { className: this.wraps ? "break-all whitespace-pre-wrap" : "whitespace-pre" });
    row.style.minHeight = `${LINE}px`;
    row.style.lineHeight = `${LINE}px`;
    const head = this.head(line);
    if (head) {
      const origin = make("span", {}, head);
      origin.style.color = this.options.merged ? this.inks.get(line.pod) : "var(--color-stage-quiet)";
      row.append(origin);
    }
    row.append(...marked(line.words, this.search.value.toLowerCase()));
    if (this.hits[this.hit] === index) row.classList.add("bg-stage-rule");
    return row;
  }

  lineAt(y) {
    let low = 0;
    let high = this.lines.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle + 1] <= y) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Somebody who scrolled up wants to read: new lines then wait below.
  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.view;
    this.sticks = scrollTop + clientHeight >= scrollHeight - LINE;
    if (this.sticks) this.missed = 0;
    this.look();
  }

  toEnd() {
    this.sticks = true;
    this.missed = 0;
    this.look();
    this.view.focus();
  }

  seek() {
    this.hits = [];
    this.hit = -1;
    this.sought = 0;
    this.seekNew();
    if (this.hits.length && this.search.value) this.step(-1);
    this.look();
  }

  seekNew() {
    const needle = this.search.value.toLowerCase();
    if (needle) {
      for (let at = this.sought; at < this.lines.length; at += 1) {
        if (this.lines[at].words.toLowerCase().includes(needle)) this.hits.push(at);
      }
    }
    this.sought = this.lines.length;
    this.tellHits();
  }

  tellHits() {
    const count = this.hits.length.toLocaleString("en");
    this.found.textContent = !this.search.value ? "" : this.hit < 0 ? `${count} lines` : `${this.hit + 1} of ${count}`;
  }

  // The next line that was found, or the one before; the last one first, since it is the newest.
  step(way) {
    if (!this.hits.length) return;
    const next = this.hit < 0 && way < 0 ? this.hits.length - 1 : this.hit + way;
    this.hit = (next + this.hits.length) % this.hits.length;
    this.tellHits();
    this.grow();
    this.sticks = false;
    this.space.style.height = `${this.tops.at(-1)}px`;
    this.view.scrollTop = this.tops[this.hits[this.hit]] - this.view.clientHeight / 2;
    this.look();
  }

  say(words) {
    this.state.textContent = words;
  }

  // After this nothing happens any more.
  close() {
    this.stop?.abort();
    clearTimeout(this.timer);
    this.sizer.disconnect();
    this.sizer = null;
    this.host.replaceChildren();
  }
}

function isOn(face) {
  return face.getAttribute("aria-pressed") === "true";
}

// A text with what was found in it marked.
function marked(text, needle) {
  if (!needle) return [text];
  const parts = [];
  const lower = text.toLowerCase();
  let at = 0;
  for (let next = lower.indexOf(needle); next >= 0; next = lower.indexOf(needle, at)) {
    parts.push(text.slice(at, next), make("mark", { className: "bg-stage-accent text-stage" }, text.slice(next, next + needle.length)));
    at = next + needle.length;
  }
  parts.push(text.slice(at));
  return parts;
}
