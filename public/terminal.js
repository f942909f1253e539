// A terminal: a machine's serial console, or shells in a pod's containers. xterm.js is loaded when one is opened,
// never before.
//
// The page hands in an element that it leaves alone afterwards, and what is to be opened:
//   { kind: "serial", path }                          bytes both ways
//   { kind: "shell", path, containers: ["app", …] }   frames: one byte that says what the rest is (see below)
// Everything about it, tabs and what went wrong included, is drawn here.

import { button, copy, field, make, select, toggle } from "/parts.js";

// Frames of a shell, as Kubernetes has them: typed, output, how it ended, the size.
const TYPED = 0;
const OUTPUT = [1, 2];
const ENDED = 3;
const SIZE = 4;

// Close codes: docs/decisions/0001-console-refusals.md. These come back by themselves on a serial console.
const PASSING = [1001, 1006, 1012, 1013, 4012];
const PAUSES = [1, 2, 4, 8, 15];
const WORDS = {
  1000: "It was closed.",
  1006: "The connection was lost.",
};
// A UART takes sixteen bytes at a time; a long paste is sent in pieces.
const PASTE = 256;

export function openTerminal(host, options) {
  return new Terminals(host, JSON.parse(options));
}

class Terminals {
  constructor(host, options) {
    this.host = host;
    this.options = options;
    this.sessions = [];
    this.count = 0;
    this.tabs = make("div", { className: "flex min-w-0 flex-wrap items-center gap-0.5", role: "tablist", "aria-label": "Terminals" });
    this.state = make("p", { className: "min-w-0 truncate text-sm text-stage-quiet", role: "status" });
    this.search = field({
      type: "search",
      placeholder: "Find",
      "aria-label": "Find in the output",
      size: 12,
      oninput: () => this.find(1, true),
      onkeydown: (event) => {
        if (event.key === "Enter") this.find(event.shiftKey ? -1 : 1, false);
        if (event.key === "Escape") this.shown?.term.focus();
      },
    });
    this.size = button("", () => copy(this.size.textContent), { title: "Copy: a serial line does not carry the size" });
    this.size.classList.add("font-mono");
    const isShell = options.kind === "shell";
    this.containers =
      isShell && options.containers.length > 1
        ? select("Container for a new shell", options.containers.map((name) => [name, name]))
        : null;
    this.bar = make(
      "div",
      { className: "flex flex-wrap items-center gap-1 border-b border-stage-rule bg-stage-raised px-2 py-1" },
      isShell ? this.tabs : null,
      this.containers,
      isShell ? button("New shell", () => this.add()) : null,
      make("span", { className: "flex-1" }),
      this.state,
      isShell ? null : this.size,
      this.search,
      button("Copy", () => this.copy(), { title: "Copy what is selected, or all of it" }),
      toggle("Read aloud", false, (isOn) => {
        this.reads = isOn;
        for (const session of this.sessions) session.term.options.screenReaderMode = isOn;
      }),
    );
    this.room = make("div", { className: "relative min-h-0 flex-1" });
    host.replaceChildren(this.bar, this.room);
    this.watcher = new ResizeObserver(() => this.shown?.fit());
    this.watcher.observe(this.room);
    this.begin();
  }

  async begin() {
    this.state.textContent = "Loading the terminal…";
    try {
      if (!document.querySelector("link[data-terminal]")) {
        document.head.append(make("link", { rel: "stylesheet", href: "/vendor/xterm/xterm.css", "data-terminal": "" }));
      }
      this.xterm = await import("/vendor/xterm/xterm.js");
    } catch {
      this.state.textContent = "The terminal could not be loaded. Reload the page to try again.";
      return;
    }
    if (this.watcher) this.add();
  }

  add() {
    if (!this.xterm) return;
    this.count += 1;
    const container = this.containers?.value ?? this.options.containers?.[0] ?? "";
    const session = new Session(this, container, this.count);
    this.sessions.push(session);
    if (this.options.kind === "shell") this.tabs.append(session.tab);
    this.show(session);
  }

  show(session) {
    this.shown = session;
    for (const each of this.sessions) {
      each.place.hidden = each !== session;
      each.tab.firstChild.setAttribute("aria-selected", String(each === session));
    }
    session?.fit();
    session?.term.focus();
    this.tell();
  }

  remove(session) {
    session.close();
    this.sessions = this.sessions.filter((each) => each !== session);
    if (this.shown === session) this.show(this.sessions.at(-1) ?? null);
  }

  tell() {
    this.state.textContent = this.shown?.said ?? "No shell is open.";
    if (this.shown) this.size.textContent = `stty rows ${this.shown.term.rows} cols ${this.shown.term.cols}`;
  }

  find(way, isIncremental) {
    const text = this.search.value;
    if (!this.shown || !text) return;
    const finder = this.shown.finder;
    const isFound = way > 0 ? finder.findNext(text, { incremental: isIncremental }) : finder.findPrevious(text);
    this.search.setAttribute("aria-invalid", String(!isFound));
  }

  async copy() {
    const term = this.shown?.term;
    if (!term) return;
    const isSome = term.hasSelection();
    if (!isSome) term.selectAll();
    // Lines that were never written are no part of it.
    const isCopied = await copy(term.getSelection().trimEnd() + "\n");
    if (!isSome) term.clearSelection();
    this.state.textContent = isCopied ? "Copied." : "The browser does not allow copying here.";
  }

  // After this nothing happens any more.
  close() {
    this.watcher.disconnect();
    this.watcher = null;
    for (const session of this.sessions) session.close();
    this.sessions = [];
    this.host.replaceChildren();
  }
}

class Session {
  constructor(owner, container, number) {
    this.owner = owner;
    this.container = container;
    this.isShell = owner.options.kind === "shell";
    this.failures = 0;
    this.said = "";
    this.place = make("div", { className: "absolute inset-0 p-1" });
    this.over = make("div", { className: "absolute inset-x-0 bottom-0 flex flex-wrap items-center gap-2 bg-stage-raised p-3 text-sm", role: "alert", hidden: true });
    const name = container ? `${container} ${number}` : `${number}`;
    this.tab = make(
      "span",
      { className: "inline-flex items-center" },
      button(name, () => owner.show(this), { role: "tab" }),
      button("×", () => owner.remove(this), { title: "Close this shell", "aria-label": `Close ${name}` }),
    );
    const { Terminal, FitAddon, SearchAddon } = owner.xterm;
    this.term = new Terminal({
      scrollback: 10000,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      fontFamily: getComputedStyle(owner.host).getPropertyValue("--font-mono") || "monospace",
      fontSize: 13,
      screenReaderMode: owner.reads === true,
      theme: theme(owner.host),
    });
    this.fitter = new FitAddon();
    this.finder = new SearchAddon();
    this.term.loadAddon(this.fitter);
    this.term.loadAddon(this.finder);
    owner.room.append(this.place);
    const screen = make("div", { className: "h-full" });
    this.place.append(screen, this.over);
    openQuietly(this.term, screen);
    this.term.textarea?.setAttribute("aria-label", `${owner.options.label}. Hold Control, Alt and Shift to leave it.`);
    this.term.attachCustomKeyEventHandler((event) => this.key(event));
    this.term.onData((text) => this.type(text));
    this.term.onBinary((text) => this.send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
    this.term.onResize(() => this.resized());
    this.connect(false);
  }

  // Control, Alt and Shift held together give the keyboard back to the page.
  key(event) {
    if (event.ctrlKey && event.altKey && event.shiftKey) {
      this.owner.bar.querySelector("button, select, input")?.focus();
      return false;
    }
    if (event.type === "keydown" && event.ctrlKey && event.shiftKey && event.code === "KeyF") {
      this.owner.search.focus();
      event.preventDefault();
      return false;
    }
    if (event.type === "keydown" && event.ctrlKey && event.shiftKey && event.code === "KeyC" && this.term.hasSelection()) {
      copy(this.term.getSelection());
      event.preventDefault();
      return false;
    }
    return true;
  }

  connect(takeover) {
    clearTimeout(this.timer);
    this.over.hidden = true;
    this.say("Connecting…");
    const url = new URL(this.owner.options.path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (this.container) url.searchParams.set("container", this.container);
    if (takeover) url.searchParams.set("takeover", "true");
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.exit = null;
    this.isOpen = false;
    const isOurs = () => this.socket === socket;
    socket.addEventListener("message", (event) => isOurs() && this.take(new Uint8Array(event.data)));
    socket.addEventListener("close", (event) => isOurs() && this.ended(event.code, event.reason));
    // A serial line says nothing by itself: it counts as open until the portal closes it.
    socket.addEventListener("open", () => {
      if (isOurs() && !this.isShell) this.timer = setTimeout(() => this.opened(), 400);
    });
  }

  opened() {
    if (this.isOpen) return;
    this.isOpen = true;
    this.failures = 0;
    this.say(this.isShell ? "" : "Connected. Press Enter if nothing shows.");
    this.fit();
    this.resized();
  }

  take(bytes) {
    if (!this.isShell) {
      this.opened();
      this.term.write(bytes);
      return;
    }
    const rest = bytes.subarray(1);
    if (OUTPUT.includes(bytes[0]) && rest.length > 0) {
      this.opened();
      this.term.write(rest);
    } else if (bytes[0] === ENDED && rest.length > 0) {
      this.exit = exitOf(new TextDecoder().decode(rest));
    }
  }

  ended(code, reason) {
    clearTimeout(this.timer);
    this.socket = null;
    const words = reason || WORDS[code] || "The connection was closed.";
    if (this.isShell && this.exit !== null) {
      this.offer(this.exit, ["Open another one", false]);
    } else if (!this.isShell && PASSING.includes(code)) {
      const seconds = PAUSES[Math.min(this.failures, PAUSES.length - 1)];
      this.failures += 1;
      this.offer(`${words} Connecting again in ${seconds} s.`, ["Connect now", false]);
      this.timer = setTimeout(() => this.connect(false), seconds * 1000);
    } else if (code === 4009) {
      this.offer(`${words} If you take it over, the other side is told, and does not come back by itself.`, ["Take over", true], ["Try again", false]);
    } else if (code === 4010) {
      this.offer(`${words} It stays theirs until you take it back.`, ["Take back", true]);
    } else if (code === 4001) {
      location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
    } else {
      this.offer(words, ["Connect again", false]);
    }
  }

  offer(words, ...ways) {
    this.say(words);
    const buttons = ways.map(([label, takeover]) => button(label, () => this.connect(takeover)));
    this.over.replaceChildren(make("p", { className: "min-w-0 flex-1" }, words), ...buttons);
    this.over.hidden = false;
  }

  say(words) {
    this.said = words;
    if (this.owner.shown === this || this.owner.shown === undefined) this.owner.tell();
  }

  type(text) {
    const bytes = new TextEncoder().encode(text);
    if (this.isShell || bytes.length <= PASTE) {
      this.send(bytes);
      return;
    }
    let at = 0;
    const next = () => {
      this.send(bytes.subarray(at, at + PASTE));
      at += PASTE;
      if (at < bytes.length) setTimeout(next, 25);
    };
    next();
  }

  send(bytes) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.socket.send(this.isShell ? frame(TYPED, bytes) : bytes);
  }

  resized() {
    this.owner.tell();
    if (!this.isShell || !this.isOpen || this.socket?.readyState !== WebSocket.OPEN) return;
    const size = JSON.stringify({ Width: this.term.cols, Height: this.term.rows });
    this.socket.send(frame(SIZE, new TextEncoder().encode(size)));
  }

  fit() {
    if (!this.place.hidden) this.fitter.fit();
  }

  close() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    if (socket && socket.readyState <= WebSocket.OPEN) socket.close(1000);
    this.term.dispose();
    this.place.remove();
    this.tab.remove();
  }
}

function frame(channel, bytes) {
  const whole = new Uint8Array(bytes.length + 1);
  whole[0] = channel;
  whole.set(bytes, 1);
  return whole;
}

// How a shell ended, in words.
function exitOf(text) {
  let status;
  try {
    status = JSON.parse(text);
  } catch {
    return "The shell ended.";
  }
  if (status.status === "Success") return "The shell ended with exit code 0.";
  const code = status.details?.causes?.find((cause) => cause.reason === "ExitCode")?.message;
  return code ? `The shell ended with exit code ${code}.` : `The shell ended: ${status.message ?? "nobody says why"}`;
}

function theme(host) {
  const colour = (name) => getComputedStyle(host).getPropertyValue(`--color-${name}`).trim();
  return {
    background: colour("stage") || "#07090b",
    foreground: colour("stage-ink") || "#e4edf0",
    cursor: colour("stage-accent") || "#56c2cf",
    selectionBackground: "#2f5d66",
  };
}

// xterm.js writes its few rules into <style> elements while it opens, which the page's security policy forbids. Here
// they become sheets made by script, which it allows.
function openQuietly(term, place) {
  const real = document.createElement;
  document.createElement = (name, options) => {
    if (name !== "style") return real.call(document, name, options);
    const sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    const stand = real.call(document, "template");
    Object.defineProperty(stand, "textContent", { set: (css) => sheet.replaceSync(css) });
    stand.remove = () => {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
      Element.prototype.remove.call(stand);
    };
    return stand;
  };
  try {
    term.open(place);
  } finally {
    delete document.createElement;
  }
}
