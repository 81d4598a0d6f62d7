// How the web app is built: React-API TSX shipped on Preact, Tailwind, and asset addresses that work under any path prefix.
// The server replaces %BASE% in index.html with its own prefix; nothing else in the output knows where it is served.
// Every file that is worth it lies there compressed as well, so that the server sends it as it is.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig, type Plugin, type Rolldown } from 'vite';

/** Where the script goes in index.html: after <base>, before anything that paints. */
const BOOT_PLACE = '<!-- boot -->';

/** Small modules of the Studio that other rooms use too, so that each would be a file of its own. */
const FIRST_VIEW_MODULES =
  /web\/src\/(?:api\/(?:problem|upload)|settings\/api-address|pages\/use-room-title|studio\/(?:draft-storage|draft-store|use-action|AspectShape|thumbhash-url)|ui\/(?:ChoiceGroup|Menu|language|messages|remark|stored))\.tsx?$/;

/** Rooms that have a page of their own, which names the room's files: the browser fetches them beside the common ones, not after. */
const ROOM_PAGES = { gallery: 'src/gallery/Page.tsx' } as const;

/** Smaller files fit into one packet anyhow. */
const WORTH_COMPRESSING_BYTES = 1_024;

/** In development there is no server to fill in the prefix, and the app lives at the root. */
const developmentBase: Plugin = {
  name: 'development-base',
  apply: 'serve',
  transformIndexHtml: (html) =>
    html.replaceAll('%BASE%', '').replace(BOOT_PLACE, '<script src="./src/boot.js"></script>'),
};

/** The classic script that runs before the first paint: not a module, so it is copied, under a name that may be cached for ever. */
function bootScript(): Plugin {
  const source = readFileSync(join(import.meta.dirname, 'src/boot.js'), 'utf8');
  const fileName = `assets/boot-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.js`;
  return {
    name: 'boot-script',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'asset', fileName, source });
    },
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace(BOOT_PLACE, `<script src="./${fileName}"></script>`),
    },
  };
}

/** What a chunk cannot run without, itself included. */
function filesOf(bundle: Rolldown.OutputBundle, fileName: string, found = new Set<string>()): Set<string> {
  const chunk = bundle[fileName];
  if (chunk?.type !== 'chunk' || found.has(fileName)) return found;
  found.add(fileName);
  for (const style of chunk.viteMetadata?.importedCss ?? []) found.add(style);
  for (const needed of chunk.imports) filesOf(bundle, needed, found);
  return found;
}

/** Writes each room's page: index.html, and the room's files in its head. */
const roomPages: Plugin = {
  name: 'room-pages',
  apply: 'build',
  enforce: 'post',
  generateBundle(_options, bundle) {
    const index = bundle['index.html'];
    if (index?.type !== 'asset') throw new Error('The build made no index.html');
    const html = String(index.source);
    for (const [room, module] of Object.entries(ROOM_PAGES)) {
      const entry = Object.values(bundle).find(
        (file) => file.type === 'chunk' && file.facadeModuleId?.endsWith(module),
      );
      if (!entry) throw new Error(`The build made no file of ${module}`);
      const links = [...filesOf(bundle, entry.fileName)]
        .filter((file) => !html.includes(file))
        .map((file) =>
          file.endsWith('.css')
            ? `    <link rel="stylesheet" crossorigin href="./${file}">\n`
            : `    <link rel="modulepreload" crossorigin href="./${file}">\n`,
        );
      const source = html.replace('  </head>', `${links.join('')}  </head>`);
      this.emitFile({ type: 'asset', fileName: `${room}.html`, source });
    }
  },
};

/** Puts `.br` and `.gz` beside every script and style sheet: browsers take the first over https, the second over plain http. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  enforce: 'post',
  writeBundle({ dir = '' }) {
    const assets = join(dir, 'assets');
    for (const name of readdirSync(assets).filter((file) => /\.(?:js|css|svg)$/.test(file))) {
      const bytes = readFileSync(join(assets, name));
      if (bytes.length < WORTH_COMPRESSING_BYTES) continue;
      writeFileSync(join(assets, `${name}.br`), brotliCompressSync(bytes));
      writeFileSync(join(assets, `${name}.gz`), gzipSync(bytes, { level: 9 }));
    }
  },
};

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [tailwindcss(), developmentBase, bootScript(), roomPages, compressed],
  oxc: { jsx: { runtime: 'automatic', importSource: 'react' } },
  resolve: {
    alias: [
      { find: 'react/jsx-runtime', replacement: 'preact/jsx-runtime' },
      { find: 'react/jsx-dev-runtime', replacement: 'preact/jsx-dev-runtime' },
      { find: 'react-dom/client', replacement: 'preact/compat/client' },
      { find: /^react(-dom)?$/, replacement: 'preact/compat' },
    ],
  },
  worker: { format: 'es' },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rolldownOptions: {
      // What the first view needs anyhow lies in few files: over plain http a browser has six connections, and each further round
      // costs a tenth of a second and more on a slow line.
      output: {
        codeSplitting: {
          groups: [
            { name: 'libraries', test: /node_modules/ },
            { name: 'base', test: FIRST_VIEW_MODULES },
          ],
        },
      },
      onwarn(warning, warn) {
        // Libraries mark files for React's server components, which do not exist here.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
  server: {
    proxy: { '^/(v1|media|s|docs|openapi.json)(/|$)': { target: 'http://127.0.0.1:8080' } },
  },
});
