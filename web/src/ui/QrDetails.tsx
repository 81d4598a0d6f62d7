// A QR code behind a line that opens it; what draws it is downloaded then.
import { lazy, Suspense, useState } from 'react';
import { Icon } from './Icon.tsx';
import { useText } from './language.ts';

const QrCode = lazy(() => import('./QrCode.tsx').then(({ QrCode }) => ({ default: QrCode })));

export function QrDetails({ url }: { url: string }) {
  const { t } = useText();
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="group" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="flex min-h-11 w-fit items-center gap-2 text-sm font-medium">
        <Icon name="down" className="size-4.5 group-open:rotate-180" />
        {t('app.qr')}
      </summary>
      <div className="min-h-52">
        <Suspense fallback={null}>
          {isOpen && <QrCode text={url} label={t('app.qr.label', { url })} />}
        </Suspense>
      </div>
    </details>
  );
}
