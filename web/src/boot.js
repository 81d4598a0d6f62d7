// Runs before the first paint, as an external file so that the content security policy needs no exception:
// puts the stored theme and language on <html>, where app.css and ui/language.ts read them.
(() => {
  const root = document.documentElement;
  let theme = null;
  let language = null;
  try {
    theme = localStorage.getItem('drawbridge.theme');
    language = localStorage.getItem('drawbridge.language');
  } catch {
    // Storage can be switched off; the system's preferences hold then.
  }
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  if (language !== 'zh' && language !== 'en') {
    language = (navigator.languages || []).some((tag) => /^zh\b/i.test(tag)) ? 'zh' : 'en';
    const first = (navigator.languages || []).find((tag) => /^(zh|en)\b/i.test(tag));
    if (first) language = /^zh/i.test(first) ? 'zh' : 'en';
  }
  root.lang = language === 'zh' ? 'zh-CN' : 'en';
})();
