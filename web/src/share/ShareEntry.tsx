// One link in a list: what it shows and to whom, copy, open, and revoke, which asks once more in its place.
import { useQueryClient } from '@tanstack/react-query';
import { useLayoutEffect, useRef, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { announce } from '../ui/announce.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { formatTime } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useNow } from '../ui/ticker.ts';
import { removeShare, type Share } from './share-api.ts';
import { shareTexts } from './share-text.ts';

function Facts({ share }: { share: Share }) {
  const { t, locale } = shareTexts.useText();
  const nowMs = useNow();
  const time = (text: string) => formatTime(Date.parse(text), nowMs, locale);
  const facts = [
    t('share.views', { n: share.views }),
    share.has_password && t('share.locked'),
    share.show_prompt && t('share.promptShown'),
    share.expires_at !== null && !share.is_expired && t('share.expires', { time: time(share.expires_at) }),
    t('share.made', { time: time(share.created_at) }),
  ].filter((fact) => fact !== false);
  return (
    <p className="figures text-sm text-soft">
      {share.is_expired && <strong className="font-semibold text-alarm">{t('share.expired')} · </strong>}
      {facts.join(' · ')}
    </p>
  );
}

function Revoke({ share, onKeep }: { share: Share; onKeep(): void }) {
  const { t } = shareTexts.useText();
  const client = useQueryClient();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const confirm = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => confirm.current?.focus(), []);
  const revoke = async () => {
    if (isBusy) return;
    setBusy(true);
    try {
      await removeShare(client, share.id);
      announce(t('share.revoked'));
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <div
      className="flex flex-col gap-3 rounded-control bg-well p-3"
      role="alertdialog"
      aria-label={t('share.revoke')}
    >
      <p className="text-sm">{t('share.revoke.ask')}</p>
      {problem && <ProblemNote problem={problem} />}
      <div className="flex flex-wrap gap-2">
        <button
          type="button"
          className="button text-alarm"
          aria-disabled={isBusy}
          ref={confirm}
          onClick={() => void revoke()}
        >
          {t('share.revoke.confirm')}
        </button>
        <button type="button" className="button" onClick={onKeep}>
          {t('share.revoke.keep')}
        </button>
      </div>
    </div>
  );
}

export function ShareEntry({ share }: { share: Share }) {
  const { t } = shareTexts.useText();
  const [asks, setAsks] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const keep = () => {
    setAsks(false);
    requestAnimationFrame(() => opener.current?.focus());
  };
  const [cover] = share.images;
  const count = share.images.length;
  const untitled = count === 0 ? t('share.empty') : t('share.untitled', { n: count });
  return (
    <li className="flex flex-col gap-3 border-t border-line py-4 first:border-t-0">
      <div className="flex items-start gap-4">
        {cover ? (
          <img
            src={cover.thumb_url}
            width={cover.width}
            height={cover.height}
            alt=""
            loading="lazy"
            className="size-16 shrink-0 rounded-control bg-blank object-cover"
          />
        ) : (
          <div className="flex size-16 shrink-0 items-center justify-center rounded-control bg-blank text-soft">
            <Icon name="picture" />
          </div>
        )}
        <div className="min-w-0 grow">
          <p className="truncate font-medium">{share.title === '' ? untitled : share.title}</p>
          <Facts share={share} />
        </div>
      </div>
      {asks ? (
        <Revoke share={share} onKeep={keep} />
      ) : (
        <div className="-mx-2.5 -my-1 flex flex-wrap">
          <CopyButton text={share.url} icon="link">
            {t('share.copy')}
          </CopyButton>
          <a className="button button-quiet" href={share.url} target="_blank" rel="noreferrer">
            {t('share.open')}
          </a>
          <button
            ref={opener}
            type="button"
            className="button button-quiet text-alarm"
            onClick={() => setAsks(true)}
          >
            {t('share.revoke')}
          </button>
        </div>
      )}
    </li>
  );
}
