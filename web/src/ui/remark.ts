// What a task says about itself (why it waits, why it cannot be stopped), in the page's language.
import type { Task } from '../api/resources.ts';
import { formatTime } from './format.ts';
import type { Text } from './language.ts';
import { formatMessage } from './messages.ts';

export type Remark = NonNullable<Task['waiting']>;

/** What an error code means, in a few words of the page's language; `detail` where the page is English or has no such words. */
export function reasonText(
  code: string | null | undefined,
  detail: string,
  { language, errors }: Pick<Text, 'language' | 'errors'>,
): string {
  return language === 'en' ? detail : ((code ? errors[code]?.title : undefined) ?? detail);
}

/** `spoken` is the server's English, for codes that this page does not know. */
export function remarkText(
  { code, params }: Remark,
  spoken: string,
  text: Pick<Text, 'language' | 'locale' | 'errors' | 'remarks'>,
): string {
  const pattern = text.remarks[code];
  if (pattern === undefined) return spoken;
  const { until, detail = '' } = params;
  const values = {
    ...params,
    reason: reasonText(params.error, detail, text),
    ...(until === undefined ? {} : { until: formatTime(Date.parse(until), Date.now(), text.locale) }),
  };
  return formatMessage(pattern, values, text.locale);
}
