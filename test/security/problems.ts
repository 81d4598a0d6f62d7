// What every refusal must be: a problem document (or OpenAI's error object) that says what happened, why, and what to do.
import assert from 'node:assert/strict';
import { ERROR_CODES } from '../../src/kernel/errors.ts';

interface Refusal {
  status: number;
  text: string;
  json: unknown;
}

/** Fails unless the answer is a whole problem document of its own status, without anything of the inside. */
export function assertProblem({ status, text, json }: Refusal): void {
  const problem = json as Record<string, unknown> | null;
  assert.ok(problem, `no JSON: ${status} ${text.slice(0, 200)}`);
  for (const member of ['type', 'title', 'code', 'detail', 'cause', 'fix', 'request_id']) {
    const value = problem[member];
    assert.ok(typeof value === 'string' && value.trim() !== '', `no ${member}: ${text.slice(0, 400)}`);
  }
  assert.equal(problem.status, status);
  assert.ok(String(problem.code) in ERROR_CODES, text.slice(0, 400));
  assertNothingInside(text);
}

export function assertOpenAiError({ status, text, json }: Refusal): void {
  const { error } = (json ?? {}) as { error?: Record<string, unknown> };
  assert.ok(error, `no error object: ${status} ${text.slice(0, 200)}`);
  for (const member of ['message', 'type', 'code'])
    assert.ok(typeof error[member] === 'string' && error[member] !== '', text.slice(0, 400));
  assertNothingInside(text);
}

/** Stacks, paths of the machine and SQL belong in the log. */
function assertNothingInside(text: string): void {
  assert.doesNotMatch(text, /\bat [\w.]+ \(|node_modules|\/src\/|SQLITE_|select .* from |\/tmp\//i);
}
