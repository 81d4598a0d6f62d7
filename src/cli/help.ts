// Help in the user's language: examples and exit codes under every command.
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** Adds examples, each with a word on what it does, and the exit codes. */
export function addExamples(
  command: Command,
  { messages }: CommandContext,
  examples: readonly (readonly [example: string, about: string])[],
): void {
  const { help } = messages;
  const lines = examples.map(([example, about]) => (about ? `  ${example}    # ${about}` : `  ${example}`));
  command.addHelpText(
    'after',
    `\n${help.examples}\n${lines.join('\n')}\n\n${help.exitCodes}\n  ${help.exitCodeList}`,
  );
}

/** The headings of commander's help in the user's language. */
export function translateHeading(title: string, { messages }: CommandContext): string {
  const { help } = messages;
  const headings: Record<string, string> = {
    'Usage:': help.usage,
    'Arguments:': help.arguments,
    'Options:': help.options,
    'Global Options:': help.globalOptions,
    'Commands:': help.commands,
  };
  return headings[title] ?? title;
}
