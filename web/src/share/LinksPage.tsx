// All links of the account: what others can see without one.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Bridge } from '../ui/Bridge.tsx';
import { PagedList } from '../ui/PagedList.tsx';
import { ShareEntry } from './ShareEntry.tsx';
import { allSharesQuery } from './share-api.ts';
import { shareTexts } from './share-text.ts';

function None() {
  const { t } = shareTexts.useText();
  return (
    <div className="flex flex-col items-start gap-4 py-10">
      <Bridge progress={0.2} className="w-24 text-soft" />
      <p className="text-lg font-semibold">{t('links.none')}</p>
      <p className="text-soft">{t('links.none.hint')}</p>
      <Link to="/" className="button button-lamp">
        {t('links.toStudio')}
      </Link>
    </div>
  );
}

export function LinksPage() {
  const { t } = shareTexts.useText();
  const query = useInfiniteQuery(allSharesQuery);
  const { data } = query;
  const shares = data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <div className="mx-auto max-w-3xl px-4 py-8 sm:px-6">
      <h1 className="text-2xl font-semibold">{t('links.title')}</h1>
      <p className="mt-1 mb-4 text-soft">{t('links.lead')}</p>
      <PagedList query={query} more={t('share.more')}>
        {data && shares.length === 0 && <None />}
        {shares.length > 0 && (
          <ul className="sheet px-5">
            {shares.map((share) => (
              <ShareEntry key={share.id} share={share} />
            ))}
          </ul>
        )}
      </PagedList>
    </div>
  );
}
