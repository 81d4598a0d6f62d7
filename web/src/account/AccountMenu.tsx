// The button of the account's panel and the panel itself, whose content is downloaded once the page stands.
import { lazy, Suspense, useRef } from 'react';
import type { WebMessageKey } from '../../../src/kernel/messages/web-en.ts';
import { Icon, type IconName } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';

const AccountPanel = lazy(() =>
  import('./AccountPanel.tsx').then(({ AccountPanel }) => ({ default: AccountPanel })),
);

/** The panel's id, for every button that opens it. */
export const ACCOUNT_PANEL = 'account-panel';

export interface MenuLink {
  /** Path of the page, such as `/settings`. */
  to: string;
  name: WebMessageKey;
  icon: IconName;
  adminOnly?: boolean;
}

export interface AccountMenuProps {
  links: readonly MenuLink[];
  onShowKeys(): void;
}

export function AccountMenu(props: AccountMenuProps) {
  const { t } = useText();
  const panel = useRef<HTMLDivElement>(null);
  return (
    <>
      <button
        type="button"
        className="button button-quiet button-icon max-sm:hidden"
        popoverTarget={ACCOUNT_PANEL}
        aria-label={t('account.menu')}
      >
        <Icon name="account" />
      </button>
      <div
        ref={panel}
        id={ACCOUNT_PANEL}
        popover="auto"
        role="dialog"
        aria-label={t('account.menu')}
        className="popover p-5 sm:top-15 sm:right-6 sm:w-80"
      >
        <Suspense fallback={null}>
          <AccountPanel {...props} close={() => panel.current?.hidePopover()} />
        </Suspense>
      </div>
    </>
  );
}
