// The few words that a book itself says, in the language of its story.
import type { StoryLanguage } from '../providers/chat/chat.ts';

export interface BookWords {
  contents: string;
  demoWriter: string;
  howItGoesOn: string;
  end: string;
}

export const BOOK_WORDS: Readonly<Record<StoryLanguage, BookWords>> = {
  en: {
    contents: 'Contents',
    demoWriter: 'Written by the built-in demo writer of Drawbridge, not by a language model.',
    howItGoesOn: 'How does it go on?',
    end: 'The End',
  },
  zh: {
    contents: '目录',
    demoWriter: '由 Drawbridge 内置的演示写手写成，没有使用语言模型。',
    howItGoesOn: '接下来怎么办？',
    end: '完',
  },
  es: {
    contents: 'Índice',
    demoWriter: 'Escrito por el autor de demostración de Drawbridge, no por un modelo de lenguaje.',
    howItGoesOn: '¿Cómo sigue?',
    end: 'Fin',
  },
  fr: {
    contents: 'Sommaire',
    demoWriter: 'Écrit par l’auteur de démonstration de Drawbridge, non par un modèle de langage.',
    howItGoesOn: 'Et ensuite ?',
    end: 'Fin',
  },
  de: {
    contents: 'Inhalt',
    demoWriter: 'Geschrieben vom eingebauten Demo-Erzähler von Drawbridge, nicht von einem Sprachmodell.',
    howItGoesOn: 'Wie geht es weiter?',
    end: 'Ende',
  },
  ja: {
    contents: 'もくじ',
    demoWriter: 'Drawbridge 内蔵のデモ作家が書きました。言語モデルは使っていません。',
    howItGoesOn: 'このあと、どうする？',
    end: 'おしまい',
  },
};

/** What no font of a book has: pictograms are left out rather than shown as boxes. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Extended_Pictographic}\u{1f1e6}-\u{1f1ff}\u{fe0f}\u{200d}]/gu, '').trim();
}
