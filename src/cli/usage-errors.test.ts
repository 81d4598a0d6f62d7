// What the parser of command lines says is recognised: the errors are its own, so that a sentence that it words anew fails here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command, CommanderError, Option } from 'commander';
import { type CliMessages, cliEn } from '../kernel/messages/cli-en.ts';
import { cliZh } from '../kernel/messages/cli-zh.ts';
import { usageDetail } from './usage-errors.ts';

function refusalOf(line: string): CommanderError {
  const program = new Command('drawbridge').exitOverride().configureOutput({ writeErr: () => {} });
  program.command('status').action(() => {});
  program
    .command('list <folder>')
    .requiredOption('--kind <kind>', 'needed')
    .addOption(new Option('--all', 'everything').conflicts('status'))
    .option('--status <status>', 'some')
    .exitOverride()
    .action(() => {});
  try {
    program.parse(line.split(' '), { from: 'user' });
  } catch (error) {
    assert.ok(error instanceof CommanderError);
    return error;
  }
  return assert.fail('the line was taken');
}

test('a refused command line says why in both languages', () => {
  const cases: [line: string, en: string, zh: string][] = [
    [
      'statsu',
      'There is no command "statsu". Did you mean status?',
      '没有命令“statsu”。您是不是想用 status？',
    ],
    ['paint', 'There is no command "paint".', '没有命令“paint”。'],
    ['status --lang', 'There is no option "--lang" here.', '这里没有选项“--lang”。'],
    ['list --kind b', '<folder> is missing.', '缺少 <folder>。'],
    ['list a --kind', 'The option "--kind <kind>" needs a value.', '选项“--kind <kind>”需要一个值。'],
    ['list a', 'The option "--kind <kind>" is missing.', '缺少选项“--kind <kind>”。'],
    [
      'list a --kind b --all --status c',
      '"--all" and "--status <status>" cannot be given together.',
      '“--all”和“--status <status>”不能同时使用。',
    ],
    [
      'list a b --kind c',
      'This command takes 1 argument, but there are 2. Text with spaces must stand in quotes.',
      '这个命令最多接受 1 个参数，但给了 2 个。含空格的文字需要用引号括起来。',
    ],
  ];
  for (const [line, en, zh] of cases) {
    const refusal = refusalOf(line);
    const say = (messages: CliMessages) => usageDetail(refusal, messages);
    assert.deepEqual([say(cliEn), say(cliZh)], [en, zh]);
  }
});
