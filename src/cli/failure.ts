// A command's failure, as it is told to the user: what happened, why, what to do, and the exit code that says so to scripts.
import { type AppError, describeError, type FieldError, type Language } from '../kernel/errors.ts';
import { EXIT, type ExitCode, exitCodeFor } from './exit-codes.ts';

export interface Problem {
  title: string;
  detail: string;
  cause?: string;
  fix?: string;
  code?: string;
  request_id?: string;
  errors?: readonly FieldError[];
}

export class CommandFailure extends Error {
  readonly problem: Problem;
  readonly exitCode: ExitCode;

  constructor(problem: Problem, exitCode: ExitCode) {
    super(problem.detail);
    this.name = 'CommandFailure';
    this.problem = problem;
    this.exitCode = exitCode;
  }
}

/** An expected error of this process, in the user's language. */
export function failureOf(error: AppError, language: Language): CommandFailure {
  return new CommandFailure(describeError(error, language), exitCodeFor(error.code));
}

/** The user asked for something that cannot be. */
export function usageFailure(title: string, detail: string, fix?: string): CommandFailure {
  return new CommandFailure({ title, detail, ...(fix === undefined ? {} : { fix }) }, EXIT.usage);
}
