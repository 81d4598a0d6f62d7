// The look of share pages: the studio's neutral greys and its one amber lamp, light or dark as the visitor's system is. Pictures lie
// in rows of equal height, each as wide as its shape asks for, with no script and no style attribute.

/** Widest and narrowest shapes that rows make room for. */
const MOST_RATIO = 3;
const LEAST_RATIO = 0.4;

/** A shape as the class and the number that rows reckon with, in steps of a hundredth: coarser ones make rows uneven. */
function shapeOf({ width, height }: { width: number; height: number }): { name: string; ratio: number } {
  const ratio = Math.min(MOST_RATIO, Math.max(LEAST_RATIO, width / height));
  const hundredths = Math.round(ratio * 100);
  return { name: `r${hundredths}`, ratio: hundredths / 100 };
}

export function shapeClass(picture: { width: number; height: number }): string {
  return shapeOf(picture).name;
}

/** One rule for each shape among the pictures. */
export function shapeRules(pictures: readonly { width: number; height: number }[]): string {
  const rules = new Map(pictures.map((picture) => [shapeOf(picture).name, shapeOf(picture).ratio]));
  return [...rules].map(([name, ratio]) => `.${name}{--r:${ratio}}`).join('');
}

export const PAGE_STYLE = `:root{color-scheme:light dark;--paper:light-dark(#f5f5f5,#141414);--sheet:light-dark(#fff,#1e1e1e);--blank:light-dark(#dedede,#262626);--line:light-dark(#d9d9d9,#363636);--edge:light-dark(#808080,#767676);--ink:light-dark(#181818,#f0f0f0);--soft:light-dark(#525252,#b4b4b4);--lamp:#f0b429;--on:#1e1808;--alarm:light-dark(#a3221b,#ff9d90)}
*{box-sizing:border-box;margin:0}
html{-webkit-text-size-adjust:100%}
body{min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"PingFang SC","Hiragino Sans GB","Microsoft YaHei","Noto Sans CJK SC",sans-serif;overflow-wrap:anywhere;line-break:strict}
:focus-visible{outline:2px solid var(--ink);outline-offset:3px}
header,main,footer{width:100%;max-width:90rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.5rem;padding-bottom:1.25rem}
h1{font-size:clamp(1.25rem,1rem + 1.2vw,1.75rem);line-height:1.3;font-weight:650;letter-spacing:-.01em;text-wrap:balance}
main{flex:1}
.soft{color:var(--soft);font-size:.9375rem}
.row{display:flex;flex-wrap:wrap;gap:1.5rem 1rem}
.row::after{content:"";flex-grow:9}
figure{flex:var(--r) 1 calc(var(--r)*min(19rem,70vw));min-width:0;max-width:calc(var(--r)*30rem)}
figure>a,figure>span{display:block;border-radius:.5rem;background:var(--blank);overflow:hidden}
img{display:block;width:100%;height:auto}
.one{justify-content:center}
.one::after{content:none}
.one figure{flex:none;max-width:100%;width:min(100%,calc(var(--r)*80vh))}
figcaption{display:flex;flex-wrap:wrap;gap:0 1.25rem;padding-top:.25rem;font-size:.9375rem;color:var(--soft)}
figcaption p{flex:0 0 100%;padding-top:.375rem}
.one figcaption{justify-content:center}
.middle{text-align:center}
.link{display:inline-flex;align-items:center;min-height:2.75rem;color:inherit;text-underline-offset:.2em;text-decoration-color:var(--edge)}
.link:hover{color:var(--ink)}
.prompt{max-width:44rem;margin:2rem auto 0;padding:1.25rem;background:var(--sheet);border:1px solid var(--line);border-radius:1.125rem}
.prompt h2{font-size:.8125rem;font-weight:600;color:var(--soft);margin-bottom:.25rem}
.prompt p{white-space:pre-line}
.button{display:inline-flex;align-items:center;justify-content:center;min-height:2.75rem;padding:.375rem 1.125rem;border:0;border-radius:.625rem;background:var(--lamp);color:var(--on);font:inherit;font-weight:650;text-decoration:none;cursor:pointer}
.button:hover{background:#f7c650}
.prompt .button{margin-top:1rem}
.note{max-width:30rem;margin:12vh auto 0}
.note h1{margin-bottom:.5rem}
form{display:grid;gap:.75rem;margin-top:1.5rem}
label{font-weight:600;font-size:.9375rem}
input{width:100%;min-height:2.75rem;padding:.5rem .75rem;border:1px solid var(--edge);border-radius:.625rem;background:var(--sheet);color:var(--ink);font:inherit}
.alarm{color:var(--alarm);font-weight:550}
footer{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1.25rem;padding-top:2.5rem;padding-bottom:1.5rem;font-size:.875rem;color:var(--soft)}
footer a{display:inline-flex;align-items:center;gap:.5rem;min-height:2.75rem;margin-right:auto;color:inherit;font-weight:600;text-decoration:none}
footer a:hover{color:var(--ink)}
@media(min-width:48rem){header,main,footer{padding-left:2rem;padding-right:2rem}}
@media(max-width:30rem){.row{gap:1.25rem}figure{flex-basis:100%;max-width:none}}
@media print{body{background:#fff;color:#000}}`;
