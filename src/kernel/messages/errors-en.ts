// The English texts of the error registry: what each code means, why it usually happens and what to do now.
// Written for the person who is stuck; the API, the CLI, the studio and docs/errors.md all show these same words.
import type { ErrorCode, ErrorText } from '../errors.ts';

export const errorsEn = {
  malformed_request: {
    title: 'The request could not be read',
    cause:
      'The body is not valid JSON (or not valid multipart), is nested too deeply, or a header is malformed.',
    fix: 'Send well-formed JSON with "Content-Type: application/json"; the detail names the first place that could not be read.',
  },
  validation_failed: {
    title: 'Some fields are not valid',
    cause:
      'One or more fields are missing, have the wrong type, or are outside what this model or account allows.',
    fix: 'Correct each field that is named and send the request again; every route and its limits are described at /docs.',
  },
  authentication_required: {
    title: 'Sign in or send an API key',
    cause: 'The request carries no key or session, or the one it carries is wrong, expired or revoked.',
    fix: 'Send "Authorization: Bearer dbk_…" with a Drawbridge key (on the server, "drawbridge keys create" makes one), or sign in again in the browser.',
  },
  permission_denied: {
    title: 'This is not allowed for you',
    cause: 'You are known here, but your role or the scopes of your API key do not cover this action.',
    fix: 'Use a key that has the scope named in the detail, or ask an administrator to give you access.',
  },
  not_found: {
    title: 'Not found',
    cause:
      'Nothing with this address exists for your account: it was deleted, the id is mistyped, or it belongs to someone else.',
    fix: 'Check the id or link, and that you are using the account that created it.',
  },
  request_timeout: {
    title: 'The request arrived too slowly',
    cause: 'The connection stalled before the whole request had reached the server.',
    fix: 'Send it again; for large uploads, use a steadier connection or a smaller file.',
  },
  idempotency_in_progress: {
    title: 'The same request is still being handled',
    cause: 'An earlier request with this Idempotency-Key has not been answered yet.',
    fix: 'Wait a moment and send the same request with the same key again; you will get the first answer, and nothing is created twice.',
  },
  idempotency_mismatch: {
    title: 'This Idempotency-Key was used for a different request',
    cause:
      'The key is already tied to a request with another body, so answering with that result would be wrong.',
    fix: 'Use a new key for a new request, or send exactly the same body to get the first answer again.',
  },
  conflict: {
    title: 'The current state does not allow this',
    cause:
      'It changed in the meantime (for example, it is already finished), or something with the same name exists.',
    fix: 'Load it again to see its present state, then decide whether the action is still needed.',
  },
  insufficient_credits: {
    title: 'Not enough credits',
    cause:
      'This request costs more credits than the account has free; credits held by tasks still running do not count as free.',
    fix: 'Ask for fewer pictures or a cheaper model, wait for running tasks to finish, or have an administrator add credits ("drawbridge credits grant").',
  },
  spending_limit_reached: {
    title: 'The spending limit is reached',
    cause:
      'An administrator set how much this account may spend in a day or a month, and this would be more.',
    fix: 'Ask for fewer pictures or a cheaper model, wait for the next day or month (UTC), or have an administrator raise the limit ("drawbridge credits limit").',
  },
  storage_quota_reached: {
    title: 'The account is full',
    cause: 'An administrator set how much an account may keep, and its pictures and uploads take as much.',
    fix: 'Delete pictures or uploads that are not needed any more (the trash does not count), or ask an administrator for a larger quota.',
  },
  rate_limited: {
    title: 'Too many requests',
    cause: 'This account, key or address sent more requests than its limit allows in this period.',
    fix: 'Wait the number of seconds in "Retry-After", then continue at a slower pace.',
  },
  payload_too_large: {
    title: 'The request or file is too large',
    cause: 'It is larger than this server accepts; the detail gives the limit.',
    fix: 'Send a smaller file (scale the picture down or save it as JPEG or WebP), or split the request into several.',
  },
  unsupported_media_type: {
    title: 'This kind of content is not accepted',
    cause: 'The Content-Type, or what the file really contains, is not one of the supported kinds.',
    fix: 'Send JSON as "application/json", files as "multipart/form-data", and pictures as PNG, JPEG or WebP.',
  },
  model_not_found: {
    title: 'There is no such model here',
    cause: 'The model name is mistyped, or no configured provider offers it.',
    fix: 'Pick a name from GET /v1/models, or leave "model" out to use the default.',
  },
  provider_credentials_missing: {
    title: 'The provider has no credential',
    cause:
      'The provider for this model is set up without its key or session id, so it cannot be asked for pictures.',
    fix: 'Administrator: "drawbridge providers set-secret" and the provider\'s name, or set the variable named in the detail and restart. Until then, choose another model.',
  },
  provider_credentials_expired: {
    title: 'The provider refused our credential',
    cause:
      'The key or session id stored for this provider has expired, was revoked, or belongs to another region or address.',
    fix: 'Administrator: get a new one and give it to "drawbridge providers set-secret" with the provider\'s name; no restart is needed. Until then, choose another model.',
  },
  provider_quota_exhausted: {
    title: "The provider's quota is used up",
    cause: 'Our account at the provider has no credit left, or has reached its limit for today.',
    fix: 'Administrator: top up at the provider or wait for its quota to renew. Until then, choose another model.',
  },
  provider_unavailable: {
    title: 'The provider cannot be reached',
    cause:
      'The provider is down, overloaded or not reachable from this server (network, proxy or address), so new pictures are paused there.',
    fix: 'Try again in a few minutes or choose another model. Administrator: "drawbridge status" says what the last probe met.',
  },
  provider_rejected: {
    title: 'The provider refused the request',
    cause:
      'The provider answered that it will not make this picture as asked, usually because of a size, option or input picture.',
    fix: 'Change what the detail names (size, options or input picture) or choose another model, then send a new task. Held credits were returned.',
  },
  provider_timeout: {
    title: 'The provider did not answer in time',
    cause: 'The provider was reached, but did not answer within its time limit, usually because it is busy.',
    fix: 'Try again in a few minutes or choose another model. Held credits were returned.',
  },
  submit_unknown: {
    title: 'It is unclear whether the provider took the job',
    cause:
      'The connection broke while the request was being handed over, and this provider offers no way to ask whether it arrived.',
    fix: 'Start it again with "Retry" if you want the picture. It was not sent twice on its own, so that you do not pay twice; your credits were returned.',
  },
  secret_refused: {
    title: 'The new secret was not taken',
    cause:
      'It was tried at the provider before it would replace the one in use, and the provider refused it or did not answer.',
    fix: 'Check that it was copied whole and belongs to this provider and region. "drawbridge providers test" shows which step fails. If the provider is only down for now, store it untried with --unchecked.',
  },
  secrets_key_wrong: {
    title: 'Stored secrets cannot be decrypted',
    cause:
      'The key they were encrypted with is missing or is another one: the database was moved or restored without the file secrets.key, or this node has another DRAWBRIDGE_SECRETS_KEY.',
    fix: 'Put secrets.key back from the backup, or set the same DRAWBRIDGE_SECRETS_KEY as on the other nodes. If the key is lost: "drawbridge providers rotate-key --forget" removes what nobody can read any more; then set each secret again.',
  },
  content_blocked: {
    title: 'The content filter stopped this picture',
    cause: "The provider's safety filter refused the prompt, an input picture or the result.",
    fix: 'Reword the prompt or use another input picture; sending the same request again will be refused again.',
  },
  image_invalid: {
    title: 'The picture cannot be used',
    cause:
      'The file is damaged or cut off, has too many pixels, or is not really a PNG, JPEG or WebP picture.',
    fix: 'Open it in an image editor, save it again as PNG or JPEG (smaller if it is very large), and send that file.',
  },
  storage_full: {
    title: 'There is no room to store pictures',
    cause:
      'The disk or bucket that keeps the pictures is full, so nothing new is accepted until there is room.',
    fix: 'Administrator: free some space or enlarge the volume; work resumes by itself. "drawbridge doctor" shows what uses the space.',
  },
  storage_unavailable: {
    title: 'The picture store cannot be used',
    cause:
      'The folder or bucket that keeps the pictures is missing, not mounted, read-only, or refuses our credential.',
    fix: 'Administrator: run "drawbridge doctor", which names the step that fails. Finished pictures are kept and will be saved once the store is back.',
  },
  database_unavailable: {
    title: 'The database cannot be used',
    cause: 'The database is not reachable, is restarting, or its disk is full.',
    fix: 'Try again in a minute; what was accepted before is safe. Administrator: check the database and "drawbridge status".',
  },
  deadline_exceeded: {
    title: 'The picture was not finished in time',
    cause: 'The task reached its deadline while it was waiting for a provider or for the picture.',
    fix: 'Retry it, with a longer "deadline_s" or another model if this keeps happening. Held credits were returned.',
  },
  cancelled: {
    title: 'The task was cancelled',
    cause: 'It was stopped on request before a picture was ready.',
    fix: 'Use "Retry" to start it again as a new task; credits for pictures that were not made have been returned.',
  },
  internal_error: {
    title: 'Something failed inside Drawbridge',
    cause:
      'This is a fault in the program, not in your request; the cause is in the server log under the request id.',
    fix: 'Try again; if it happens again, give the request id to an administrator, who finds it in the server log.',
  },
} as const satisfies Record<ErrorCode, ErrorText>;
