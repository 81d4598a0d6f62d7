// docs/errors.md, derived from the registry: every code with its status and its texts in both languages.
import { ERROR_CODES, type ErrorCode, errorText } from './errors.ts';

function section(code: ErrorCode): string {
  const { status, retryable } = ERROR_CODES[code];
  const en = errorText(code, 'en');
  const zh = errorText(code, 'zh');
  return `<a id="${code}"></a>

## ${code}

HTTP ${status} · ${retryable ? 'the same request may succeed later' : 'the same request will fail again'}

**${en.title}**

- Likely cause: ${en.cause}
- What to do: ${en.fix}

**${zh.title}**

- 可能的原因：${zh.cause}
- 怎么办：${zh.fix}
`;
}

/** The text of docs/errors.md. */
export function renderErrorDocs(): string {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];
  const rows = codes.map(
    (code) => `| [\`${code}\`](#${code}) | ${ERROR_CODES[code].status} | ${errorText(code, 'en').title} |`,
  );
  return `# Errors

Every error answer is \`application/problem+json\` with \`code\`, \`title\`, \`detail\` (what happened this time), \`cause\`
(the likely cause), \`fix\` (what to do now), \`retryable\` and \`request_id\`. Ask for Chinese with \`Accept-Language: zh\`.
The command line and the studio show the same texts.

| code | HTTP | title |
|---|---|---|
${rows.join('\n')}

${codes.map(section).join('\n')}`;
}
