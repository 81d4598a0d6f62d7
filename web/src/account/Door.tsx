// The frame of the pages before the Studio: the bridge, one card, and the language.
import type { ReactNode } from 'react';
import { Bridge } from '../ui/Bridge.tsx';
import { LanguageSwitch } from '../ui/LanguageSwitch.tsx';

export function Door({ progress, children }: { progress: number | null; children: ReactNode }) {
  return (
    <>
      <header className="flex justify-end p-2">
        <LanguageSwitch />
      </header>
      <main
        id="main"
        tabIndex={-1}
        className="mx-auto flex max-w-md flex-col gap-6 px-4 pt-[6dvh] pb-12 outline-none"
      >
        <div className="flex items-center gap-3">
          <Bridge progress={progress} className="w-20" />
          <span className="text-2xl font-semibold tracking-tight">Drawbridge</span>
        </div>
        {children}
      </main>
    </>
  );
}
