// A button that copies a text and says that it did.
import { type ReactNode, useEffect, useState } from 'react';
import { copyText } from './clipboard.ts';
import { Icon, type IconName } from './Icon.tsx';
import { useText } from './language.ts';

/** How long a button says that it copied: long enough for an eye, or a reader of the screen, that was elsewhere. */
const CONFIRM_MS = 2_500;

interface CopyButtonProps {
  text: string;
  children: ReactNode;
  icon?: IconName;
  className?: string;
}

export function CopyButton({
  text,
  children,
  icon = 'copy',
  className = 'button button-quiet',
}: CopyButtonProps) {
  const { t } = useText();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <button type="button" className={className} onClick={async () => setCopied(await copyText(text))}>
      <Icon name={copied ? 'check' : icon} className="size-4.5" />
      {copied ? t('app.copied') : children}
    </button>
  );
}
