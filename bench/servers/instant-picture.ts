// What both sides of bench/tasks.ts report of each task.

/** Milliseconds since the epoch, with fractions. */
export interface TaskTimes {
  acceptedAt: number;
  calledAt: number;
  answeredAt: number;
  readableAt: number;
}

export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Tasks by id with what is known of their times; those that are complete can be reported. */
export class TimesBook {
  readonly #times = new Map<string, Partial<TaskTimes>>();

  note(id: string, moment: keyof TaskTimes): void {
    this.#times.set(id, { ...this.#times.get(id), [moment]: nowMs() });
  }

  complete(): TaskTimes[] {
    return [...this.#times.values()].filter((times): times is TaskTimes =>
      [times.acceptedAt, times.calledAt, times.answeredAt, times.readableAt].every(
        (moment) => moment !== undefined,
      ),
    );
  }

  clear(): void {
    this.#times.clear();
  }
}
