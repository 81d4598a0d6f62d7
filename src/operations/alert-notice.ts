// A notice as it goes out: the whole alert as JSON with a text for people, or the text alone in the form that the robots of chat
// programs take. Those answer 200 also when they refuse, with their own code inside.
import { toTimestamp } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { AlertMessages } from '../kernel/messages/alerts-en.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { createRedactor, redactText } from '../kernel/redact.ts';
import type { AlertKind } from './alert-rules.ts';
import type { AlertRow } from './alert-store.ts';

const SEND_TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 16 * 1024;
const KEPT_ANSWER_CHARS = 200;
const MINUTE_MS = 60_000;

export type NoticeEvent = 'opened' | 'recovered' | 'test';
type Format = Exclude<Config['alerts']['format'], 'auto'>;

export interface Notice {
  id: string;
  event: NoticeEvent;
  /** Null for a test. */
  alert: AlertRow | null;
  /** When it was written, in milliseconds. */
  at: number;
}

export interface NoticeWords {
  title: string;
  detail: string;
  fix: string;
}

/** Title, what is so and what to do, in the catalogue's language. */
export function wordsOf(
  alert: Pick<AlertRow, 'kind' | 'subject' | 'detail'>,
  text: AlertMessages,
): NoticeWords {
  // A kind of another version has its name for a title.
  const kind = alert.kind in text.kinds ? text.kinds[alert.kind as AlertKind] : null;
  const name = alert.subject ?? '';
  return {
    title: kind?.title(name) ?? alert.kind,
    detail: redactText(alert.detail),
    fix: kind?.fix(name) ?? '',
  };
}

const HOSTS: readonly (readonly [suffix: string, format: Format])[] = [
  ['qyapi.weixin.qq.com', 'wecom'],
  ['oapi.dingtalk.com', 'dingtalk'],
  ['open.feishu.cn', 'feishu'],
  ['open.larksuite.com', 'feishu'],
];

/** The form of a receiver's messages. */
export function formatOf({ format, webhookUrl }: Pick<Config['alerts'], 'format' | 'webhookUrl'>): Format {
  if (format !== 'auto') return format;
  const host = webhookUrl === null ? '' : new URL(webhookUrl).hostname;
  return HOSTS.find(([suffix]) => host === suffix)?.[1] ?? 'json';
}

/** The body of a notice. `server`: where it comes from, for people who have several. */
export function noticeBody(
  notice: Notice,
  { text, server, format }: { text: AlertMessages; server: string; format: Format },
): Record<string, unknown> {
  const { alert, event, id, at } = notice;
  const words = alert ? wordsOf(alert, text) : { ...text.test, fix: '' };
  const isOver = event === 'recovered';
  const lastedMs = alert ? at - (alert.opened_at ?? at) : 0;
  const detail = isOver ? text.what.over(Math.round(lastedMs / MINUTE_MS)) : words.detail;
  const lines = [
    `[Drawbridge] ${text.heading[event]}: ${words.title}`,
    detail,
    ...(isOver || words.fix === '' ? [] : [`${text.what.todo}: ${words.fix}`]),
    server,
  ];
  const forPeople = lines.join('\n');
  if (format === 'wecom' || format === 'dingtalk') return { msgtype: 'text', text: { content: forPeople } };
  if (format === 'feishu') return { msg_type: 'text', content: { text: forPeople } };
  return {
    text: forPeople,
    id,
    event,
    alert: alert?.id ?? null,
    kind: alert?.kind ?? 'test',
    subject: alert?.subject ?? null,
    severity: alert?.severity ?? 'warning',
    title: words.title,
    detail,
    fix: isOver ? '' : words.fix,
    evidence: alert ? (JSON.parse(alert.evidence) as string[]).map(redactText) : [],
    opened_at: alert?.opened_at ? toTimestamp(alert.opened_at) : null,
    resolved_at: alert?.resolved_at ? toTimestamp(alert.resolved_at) : null,
    time: toTimestamp(at),
    server,
  };
}

/** Sends it once; resolves with why the receiver did not take it, or null. Secrets of its address are masked. */
export async function sendNotice(
  outbound: Outbound,
  { webhookUrl, proxy }: { webhookUrl: string; proxy: string | null },
  body: Record<string, unknown>,
  secrets: readonly string[],
): Promise<string | null> {
  const redactor = createRedactor(secrets);
  try {
    const response = await outbound.request({
      method: 'POST',
      url: webhookUrl,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      purpose: 'alert',
      // The operator's own receiver may be in the local network.
      allow: 'configured',
      connectTimeoutMs: SEND_TIMEOUT_MS,
      idleTimeoutMs: SEND_TIMEOUT_MS,
      totalTimeoutMs: SEND_TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
      ...(proxy === null ? {} : { proxy }),
    });
    const { status } = response;
    const answer = await response.readText(MAX_ANSWER_BYTES).catch(() => '');
    const said = redactor.text(answer).slice(0, KEPT_ANSWER_CHARS);
    if (status < 200 || status >= 300) return `HTTP ${status} ${said}`.trim();
    return refusalIn(answer) ? `HTTP ${status} ${said}` : null;
  } catch (error) {
    return redactor.text(error instanceof Error ? error.message : String(error));
  }
}

/** WeCom and DingTalk say `errcode`, Feishu says `code`; anything but 0 is a refusal. */
function refusalIn(answer: string): boolean {
  try {
    const parsed = JSON.parse(answer) as { errcode?: unknown; code?: unknown; StatusCode?: unknown };
    const code = parsed.errcode ?? parsed.code ?? parsed.StatusCode;
    return typeof code === 'number' && code !== 0 && code !== 200;
  } catch {
    return false;
  }
}
