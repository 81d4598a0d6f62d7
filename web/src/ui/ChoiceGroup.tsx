// A radio group drawn as buttons: arrows move, readers hear one group with a name.
import { type ReactNode, useId } from 'react';

interface ChoiceGroupProps<Value extends string | number> {
  legend: string;
  choices: readonly Value[];
  value: NoInfer<Value>;
  onChange(value: NoInfer<Value>): void;
  draw(value: NoInfer<Value>): ReactNode;
  /** The accessible name of a choice whose drawing has none. */
  name?(value: NoInfer<Value>): string;
  className?: string;
  hideLegend?: boolean;
}

export function ChoiceGroup<Value extends string | number>(props: ChoiceGroupProps<Value>) {
  const group = useId();
  return (
    <fieldset className="min-w-0">
      <legend className={props.hideLegend ? 'sr-only' : 'eyebrow mb-1.5'}>{props.legend}</legend>
      <div className={props.className ?? 'flex flex-wrap gap-2'}>
        {props.choices.map((choice) => (
          <label key={choice} className="choice min-w-11 px-1 text-center wrap-anywhere">
            <input
              type="radio"
              name={group}
              value={choice}
              checked={choice === props.value}
              onChange={() => props.onChange(choice)}
              aria-label={props.name?.(choice)}
            />
            {props.draw(choice)}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
