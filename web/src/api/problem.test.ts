import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, networkProblem, parseProblem, problemOf } from './problem.ts';

test('a problem+json body keeps its texts and request id', () => {
  const problem = parseProblem(
    402,
    {
      code: 'insufficient_credits',
      title: 'Not enough credits',
      cause: 'Spent',
      fix: 'Ask',
      retryable: false,
      request_id: 'req_1',
      errors: [{ pointer: '/n', detail: 'too many' }, 7],
    },
    'req_header',
  );
  assert.equal(problem.code, 'insufficient_credits');
  assert.equal(problem.requestId, 'req_1');
  assert.deepEqual(problem.fields, [{ pointer: '/n', detail: 'too many' }]);
});

test('an OpenAI-style body and a proxy page are problems too', () => {
  assert.equal(parseProblem(404, { error: { message: 'no', code: 'model_not_found' } }, null).detail, 'no');
  const proxy = parseProblem(502, null, 'req_2');
  assert.deepEqual([proxy.code, proxy.retryable, proxy.requestId], ['unknown', true, 'req_2']);
});

test('anything thrown has a problem', () => {
  assert.equal(problemOf(new ApiError(networkProblem())).code, 'network');
  assert.equal(problemOf(new TypeError('x')).code, 'unknown');
});
