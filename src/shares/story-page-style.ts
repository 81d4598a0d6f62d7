// The look of shared stories, added to that of share pages: a serif in lines that are easy to read, set as books in the story's
// language are, and beside the picture on wide screens.

export const STORY_STYLE = `.top{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1.5rem;padding-top:.5rem;padding-bottom:.5rem;font-size:.9375rem;color:var(--soft)}
.top .link:only-child{margin-left:auto}
.leaf{max-width:46rem;padding:0}
.leaf figure{max-width:none}
.leaf figure>a,.leaf figure>span{border-radius:0}
.words,.after{padding:0 1.25rem}
.words{padding-top:1.75rem}
.leaf h1,.text,.choice,.ways,.contents li span,.contents h1{font-family:"Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua","Source Serif 4","Noto Serif","DejaVu Serif",Georgia,serif}
.leaf article:lang(zh) :is(h1,.text,.choice),.ways a:lang(zh),.contents :is(h1,li span):lang(zh){font-family:"Songti SC","Source Han Serif SC","Noto Serif CJK SC","Noto Serif SC",STSong,SimSun,serif}
.leaf article:lang(ja) :is(h1,.text,.choice),.ways a:lang(ja),.contents :is(h1,li span):lang(ja){font-family:"Hiragino Mincho ProN","Yu Mincho","Noto Serif CJK JP",serif}
.leaf h1{font-size:1.75rem;line-height:1.25;font-weight:600;margin-bottom:.6em}
.choice{color:var(--soft);font-style:italic;margin-bottom:.35em;text-wrap:balance}
.choice:lang(zh),.choice:lang(ja){font-style:normal}
.text{max-width:32em;font-size:1.1875rem;line-height:1.62;hanging-punctuation:first allow-end last;orphans:2;widows:2;overflow-wrap:break-word;text-wrap:pretty;text-autospace:normal}
.text p+p{text-indent:1.4em}
.text:lang(zh),.text:lang(ja){line-height:1.9;text-align:justify}
.text:lang(zh) p{text-indent:2em}
.text:lang(ja) p{text-indent:1em}
.after{padding-top:2rem}
.after h2,.contents h2{font-size:1rem;font-weight:600;margin-bottom:.75rem}
.ways{list-style:none;padding:0;display:grid;gap:.625rem;max-width:36rem}
.ways a{display:block;padding:.75rem 1rem;border:1px solid var(--edge);border-radius:.625rem;background:var(--sheet);color:inherit;font-size:1.0625rem;line-height:1.45;text-decoration:none}
.ways a:hover{border-color:var(--ink)}
.end{font-size:1.125rem;font-weight:600;letter-spacing:.06em}
.soft.end{font-size:1rem;font-weight:400;letter-spacing:0}
.turning{display:flex;flex-wrap:wrap;gap:0 1.5rem;margin-top:1rem}
.demo{margin-top:1.5rem}
.contents{max-width:46rem;padding-top:2rem}
.contents h2{margin-top:1.5rem;color:var(--soft)}
.contents ul{list-style:none;padding:0}
.contents a{display:block;padding:.5rem .75rem;border-left:2px solid var(--line);color:inherit;text-decoration:none}
.contents a:visited span{color:var(--soft)}
.contents a:hover span{text-decoration:underline}
.contents small{display:block;font-size:.8125rem;color:var(--soft)}
.l1{margin-left:1rem}.l2{margin-left:2rem}.l3{margin-left:3rem}.l4{margin-left:4rem}.l5{margin-left:5rem}.l6{margin-left:6rem}
@media(min-width:48rem){.leaf{padding:0 2rem}.leaf figure>a,.leaf figure>span{border-radius:.5rem}.words,.after{padding-left:0;padding-right:0}}
@media(min-width:64rem){.leaf{max-width:84rem;display:grid;grid-template-columns:1.1fr 1fr;gap:0 3.5rem;grid-template-rows:auto 1fr;align-content:start}.leaf article{display:contents}.leaf figure{grid-row:1/span 2;position:sticky;top:1.5rem;align-self:start}.words{padding-top:.5rem}.after{grid-column:2}}
@media(prefers-reduced-motion:no-preference){@view-transition{navigation:auto}}`;
