// What tasks say of themselves (src/tasks/remarks.ts), in English. The Chinese file is checked against these keys.
export const remarksEn = {
  provider_stopped: '“{provider}” takes no work just now: {reason}',
  provider_stopped_until: '“{provider}” takes no work just now, until {until} at least: {reason}',
  provider_gone: 'The provider “{provider}” is not configured any more.',
  model_gone: 'The provider “{provider}” does not offer the model “{model}” any more.',
  address_gone:
    'The job was sent to another address of “{provider}” than is configured now ({addresses}). It waits until that is back.',
  account_gone:
    'The job was sent with an account of “{provider}” that is not configured any more. It waits until that is back.',
  provider_silent: '“{provider}” does not answer: {detail}',
  store_away: 'The picture cannot be stored yet: {detail}',
  cannot_stop: 'This provider cannot stop a job. The picture will be delivered and charged.',
  stop_unasked: 'The provider could not be asked: {detail}',
  stopped_too_late: 'The picture was finished before it could be stopped.',
  attempt_failed: 'The last attempt failed: {reason}',
  other: '{detail}',
} as const;

export type RemarkTexts = Readonly<Record<keyof typeof remarksEn, string>>;
