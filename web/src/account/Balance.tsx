// The balance in the header.
import { useQuery } from '@tanstack/react-query';
import { formatCredits } from '../ui/format.ts';
import { useText } from '../ui/language.ts';
import { creditsQuery } from './queries.ts';

export function Balance() {
  const { t, locale } = useText();
  const { data } = useQuery(creditsQuery);
  if (!data) return null;
  const available = data.available_credits;
  return (
    <span className="figures px-2 text-sm text-soft">
      {t('account.credits', { n: available, amount: formatCredits(available, locale) })}
    </span>
  );
}
