// Thin glue between a page and noVNC. noVNC is loaded when a screen is opened, never before.
//
// The page hands in an element that it leaves alone afterwards, the address of a websocket, and a function that
// is told what happens: ("open", 0, ""), ("end", code, reason), ("escape", 0, ""), ("name", 0, name).
// The websocket is made here and not by noVNC, because noVNC keeps the close code and the reason to itself.

const KEYS = { control: [0xffe3, "ControlLeft"], alt: [0xffe9, "AltLeft"], shift: [0xffe1, "ShiftLeft"] };

export function openScreen(host, path, tell) {
  return new Screen(host, path, tell);
}

class Screen {
  constructor(host, path, tell) {
    this.host = host;
    this.tell = tell;
    this.scaled = true;
    this.rfb = null;
    this.socket = null;
    this.onKey = (event) => this.leaveOnChord(event);
    host.addEventListener("keydown", this.onKey, true);
    this.start(path);
  }

  async start(path) {
    let RFB;
    try {
      ({ default: RFB } = await import("/vendor/novnc/rfb.js"));
    } catch {
      this.say("end", 0, "The viewer could not be loaded. Reload the page to try again.");
      return;
    }
    if (!this.tell) return;
    const url = new URL(path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.addEventListener("close", (event) => {
      this.dismantle();
      this.say("end", event.code, event.reason);
    });
    const rfb = new RFB(this.host, socket, { shared: true });
    this.rfb = rfb;
    rfb.background = "transparent";
    rfb.qualityLevel = 8;
    rfb.compressionLevel = 2;
    rfb.showDotCursor = true;
    this.scale(this.scaled);
    rfb.addEventListener("connect", () => {
      const canvas = this.host.querySelector("canvas");
      if (canvas) {
        canvas.setAttribute("role", "application");
        canvas.setAttribute("aria-label", this.host.dataset.label || "Screen");
        canvas.tabIndex = 0;
      }
      this.say("open", 0, "");
      rfb.focus({ preventScroll: true });
    });
    rfb.addEventListener("desktopname", (event) => this.say("name", 0, event.detail.name));
    rfb.addEventListener("securityfailure", (event) => {
      this.say("end", 0, event.detail.reason || "The machine's screen refused the connection.");
      this.close();
    });
    rfb.addEventListener("credentialsrequired", () => {
      this.say("end", 0, "The machine's screen asks for a password, which Porthole does not pass on.");
      this.close();
    });
  }

  say(what, code, text) {
    if (this.tell) this.tell(what, code, text);
  }

  // Control, Alt and Shift held together give the keyboard back to the page.
  leaveOnChord(event) {
    if (!(event.ctrlKey && event.altKey && event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
    this.releaseKeys();
    this.rfb?.blur();
    this.say("escape", 0, "");
  }

  releaseKeys() {
    for (const [keysym, code] of Object.values(KEYS)) this.rfb?.sendKey(keysym, code, false);
  }

  // `keys` is a flat list: keysym, code, keysym, code, … pressed in order and released in reverse.
  press(keys) {
    if (!this.rfb) return;
    const pairs = [];
    for (let i = 0; i + 1 < keys.length; i += 2) pairs.push([Number(keys[i]), keys[i + 1]]);
    for (const [keysym, code] of pairs) this.rfb.sendKey(keysym, code, true);
    for (const [keysym, code] of pairs.reverse()) this.rfb.sendKey(keysym, code, false);
    this.focus();
  }

  scale(fit) {
    this.scaled = fit;
    if (!this.rfb) return;
    this.rfb.scaleViewport = fit;
    this.rfb.clipViewport = !fit;
    this.rfb.dragViewport = false;
  }

  focus() {
    this.rfb?.focus({ preventScroll: true });
  }

  dismantle() {
    const rfb = this.rfb;
    this.rfb = null;
    if (rfb) {
      try {
        rfb.disconnect();
      } catch {
        // Already gone.
      }
    }
  }

  // After this nothing is told any more.
  close() {
    this.tell = null;
    this.host.removeEventListener("keydown", this.onKey, true);
    this.dismantle();
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) this.socket.close(1000);
    this.host.replaceChildren();
  }
}

export async function toggleFullScreen(element) {
  if (document.fullscreenElement) {
    await document.exitFullscreen();
    return;
  }
  try {
    await element.requestFullscreen();
    // Where the browser can, Escape and the window keys go to the machine too; holding Escape leaves.
    await navigator.keyboard?.lock?.();
  } catch {
    // The browser refused; the page stays as it is.
  }
}
