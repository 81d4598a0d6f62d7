// How this browser shows everything: its language, and light or dark.
import { ChoiceGroup } from './ChoiceGroup.tsx';
import { type Language, switchLanguage, useText } from './language.ts';
import { switchTheme, useTheme } from './theme.ts';

const LANGUAGES: readonly Language[] = ['zh', 'en'];
const LANGUAGE_NAMES: Record<Language, string> = { zh: '简体中文', en: 'English' };
const THEMES = ['system', 'light', 'dark'] as const;

/** `width` is a class of both groups that says how wide they may get. */
export function LookChoices({ width = '' }: { width?: string }) {
  const { t, language } = useText();
  const theme = useTheme();
  return (
    <>
      <ChoiceGroup
        legend={t('account.language')}
        choices={LANGUAGES}
        value={language}
        onChange={(next) => void switchLanguage(next)}
        draw={(choice) => <span lang={choice === 'zh' ? 'zh-CN' : 'en'}>{LANGUAGE_NAMES[choice]}</span>}
        className={`grid ${width} grid-cols-2 gap-2`}
      />
      <ChoiceGroup
        legend={t('account.theme')}
        choices={THEMES}
        value={theme}
        onChange={switchTheme}
        draw={(choice) => t(`account.theme.${choice}`)}
        className={`grid ${width} grid-cols-3 gap-2`}
      />
    </>
  );
}
