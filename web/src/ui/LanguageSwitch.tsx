// One button that offers the other language, written in that language, so that whoever cannot read this one finds it.
import { switchLanguage, useText } from './language.ts';

export function LanguageSwitch() {
  const { language } = useText();
  const other = language === 'zh' ? 'en' : 'zh';
  return (
    <button
      type="button"
      className="button button-quiet min-w-11"
      lang={other === 'zh' ? 'zh-CN' : 'en'}
      onClick={() => void switchLanguage(other)}
    >
      {other === 'zh' ? '中文' : 'English'}
    </button>
  );
}
