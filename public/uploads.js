// What only the browser can do for an upload: hold files, read parts of them, sum them up, send them.
// A File never leaves this side; the pages know it by a number.

const files = new Map();
let last = 0;
let sumWithout = () => "";

/// How long one part may take. The server lets it wait for twenty seconds while the cluster is slow.
const PATIENCE = 90_000;

function keep(list) {
  return Array.from(list ?? [], (file) => {
    last += 1;
    files.set(last, file);
    return [last, file.name, file.size, file.lastModified];
  });
}

/// The files of a field, which is empty again afterwards, so that the same file can be chosen twice.
export function chosenFiles(input) {
  const kept = keep(input.files);
  input.value = "";
  return kept;
}

export function droppedFiles(event) {
  return keep(event.dataTransfer?.files);
}

export function forgetFile(key) {
  files.delete(key);
}

/// Bytes of a file. Fails if the file changed on the disk or went away.
export async function readFile(key, start, end) {
  const file = files.get(key);
  if (!file) throw new Error("gone");
  return new Uint8Array(await file.slice(start, end).arrayBuffer());
}

/// What sums up where the browser does not: pages that came over plain http from another machine.
export function sumWith(sum) {
  sumWithout = sum;
}

export async function sha256(bytes) {
  if (!globalThis.crypto?.subtle) return sumWithout(bytes);
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function answer(url, options) {
  try {
    const response = await fetch(url, { ...options, signal: AbortSignal.timeout(PATIENCE) });
    return [response.status, await response.text()];
  } catch {
    return [0, ""];
  }
}

/// Asks the server; status 0 means that it did not answer.
export function askServer(method, url, body) {
  const json = { "content-type": "application/json", accept: "application/json" };
  return answer(url, body === undefined ? { method, headers: { accept: "application/json" } } : { method, headers: json, body });
}

/// Sends one part of a file; status -1 means that it cannot be read any more.
export async function sendPart(url, key, start, end) {
  let bytes;
  try {
    bytes = await readFile(key, start, end);
  } catch {
    return [-1, ""];
  }
  const headers = {
    "content-type": "application/octet-stream",
    accept: "application/json",
    "x-chunk-sha256": await sha256(bytes),
  };
  return answer(url, { method: "PUT", headers, body: bytes });
}
