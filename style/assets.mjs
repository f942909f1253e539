// Prepares the static parts that come from npm packages: `npm run assets`.
//
//   public/vendor/novnc/rfb.js   noVNC as one ES module, with its licences and the address of its source beside it
//   public/vendor/xterm/         xterm.js with its fitting and searching as one ES module, its styles and licence
//   public/fonts/                the two typefaces, self-hosted, with their licences
//
// These folders are build output and not committed.

import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");

async function screenViewer() {
  const out = join(root, "public/vendor/novnc");
  const source = join(modules, "@novnc/novnc");
  const { version } = JSON.parse(await readFile(join(source, "package.json"), "utf8"));
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await build({
    entryPoints: [join(source, "core/rfb.js")],
    outfile: join(out, "rfb.js"),
    bundle: true,
    format: "esm",
    target: "es2022", // noVNC awaits at the top level
    minify: true,
    legalComments: "linked",
    banner: { js: `/* noVNC ${version}, MPL-2.0; source: https://github.com/novnc/noVNC/tree/v${version} */` },
  });
  await copyFile(join(source, "LICENSE.txt"), join(out, "LICENSE.txt"));
  await copyFile(join(source, "docs/LICENSE.MPL-2.0"), join(out, "LICENSE.MPL-2.0.txt"));
  await copyFile(join(source, "vendor/pako/LICENSE"), join(out, "LICENSE.pako.txt"));
  await writeFile(
    join(out, "SOURCE.txt"),
    `rfb.js is noVNC ${version}, bundled and minified without changes.\n` +
      `Its source: https://github.com/novnc/noVNC/tree/v${version} (MPL-2.0, pako: MIT).\n`,
  );
}

async function terminal() {
  const out = join(root, "public/vendor/xterm");
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await build({
    stdin: {
      contents:
        'export { Terminal } from "@xterm/xterm"; export { FitAddon } from "@xterm/addon-fit"; ' +
        'export { SearchAddon } from "@xterm/addon-search";',
      resolveDir: root,
    },
    outfile: join(out, "xterm.js"),
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "linked",
  });
  await copyFile(join(modules, "@xterm/xterm/css/xterm.css"), join(out, "xterm.css"));
  await copyFile(join(modules, "@xterm/xterm/LICENSE"), join(out, "LICENSE.txt"));
}

async function typefaces() {
  const out = join(root, "public/fonts");
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const files = [
    ["inter", "inter-latin-wght-normal.woff2", "inter-latin.woff2"],
    ["inter", "inter-latin-ext-wght-normal.woff2", "inter-latin-ext.woff2"],
    ["jetbrains-mono", "jetbrains-mono-latin-wght-normal.woff2", "jetbrains-mono-latin.woff2"],
  ];
  for (const [family, from, to] of files) {
    await copyFile(join(modules, "@fontsource-variable", family, "files", from), join(out, to));
  }
  for (const family of ["inter", "jetbrains-mono"]) {
    await copyFile(join(modules, "@fontsource-variable", family, "LICENSE"), join(out, `${family}.LICENSE.txt`));
  }
}

await Promise.all([screenViewer(), terminal(), typefaces()]);
