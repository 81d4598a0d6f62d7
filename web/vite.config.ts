// How the web app is built: React-API TSX shipped on Preact, Tailwind, and asset addresses that work under any path prefix.
// The server replaces %BASE% in index.html with its own prefix; nothing else in the output knows where it is served.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig, type Plugin } from 'vite';

/** Where the script goes in index.html: after <base>, before anything that paints. */
const BOOT_PLACE = '<!-- boot -->';

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

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [tailwindcss(), developmentBase, bootScript()],
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
