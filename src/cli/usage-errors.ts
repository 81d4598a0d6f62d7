// What was wrong with a command line, in the user's language. The parser says it in English sentences with the words in quotes;
// a sentence that is not known is shown as it is.
import type { CommanderError } from 'commander';
import type { CliMessages } from '../kernel/messages/cli-en.ts';

const QUOTED = /'([^']*)'/g;
const SUGGESTION = /\(Did you mean (?:one of )?(.+)\?\)/;
const COUNTS = /Expected (\d+) arguments? but got (\d+)/;

/** The sentence about a refused command line. */
export function usageDetail({ code, message }: CommanderError, { usage }: CliMessages): string {
  const [first = '', second = ''] = [...message.matchAll(QUOTED)].map((match) => match[1] ?? '');
  const suggested = SUGGESTION.exec(message)?.[1];
  const suggestion = suggested === undefined ? '' : usage.didYouMean(suggested);
  switch (code) {
    case 'commander.unknownCommand':
      return usage.unknownCommand(first) + suggestion;
    case 'commander.unknownOption':
      return usage.unknownOption(first) + suggestion;
    case 'commander.missingArgument':
      return usage.missingArgument(first);
    case 'commander.optionMissingArgument':
      return usage.missingValue(first);
    case 'commander.missingMandatoryOptionValue':
      return usage.missingOption(first);
    case 'commander.conflictingOption':
      return usage.conflictingOptions(first, second);
    case 'commander.excessArguments': {
      const [, most = '', given = ''] = COUNTS.exec(message) ?? [];
      return usage.tooManyArguments(most, given);
    }
    default:
      return message.replace(/^error: /, '');
  }
}
