// Fetches the files of a part and links them to what runs already. Bundled into the site's script by the build.
import { initSync } from "./porthole.js";

const files = new Map();

// Once only; but a file that did not come is asked for again the next time.
function load(file) {
  if (!files.has(file)) {
    const running = initSync();
    const imports = { running, __wasm_split: running };
    const loading = WebAssembly.instantiateStreaming(fetch(new URL(file, import.meta.url)), imports);
    loading.catch(() => files.delete(file));
    files.set(file, loading);
  }
  return files.get(file);
}

const part = (names) => async (callback, data) => {
  let loaded = true;
  try {
    await Promise.all(names.map(load));
  } catch (error) {
    console.warn("a part of Porthole could not be loaded:", error);
    loaded = false;
  }
  initSync().__indirect_function_table.get(callback)(data, loaded);
};
