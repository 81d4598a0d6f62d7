// A labelled line to write in: hint or fault below it, passwords and keys hidden until asked. An Enter that ends an input
// method's composition never submits the form around it.
import { type ReactNode, type Ref, useId, useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { isComposing } from '../ui/keys.ts';
import { accountTexts } from './account-text.ts';

interface FieldProps {
  label: string;
  value: string;
  onChange(value: string): void;
  hint?: ReactNode;
  /** What is wrong with the value; stands in for the hint. */
  fault?: string | null;
  isSecret?: boolean;
  isOptional?: boolean;
  isMono?: boolean;
  isEmail?: boolean;
  autoComplete?: string;
  id?: string;
  field?: Ref<HTMLInputElement>;
  maxLength?: number;
}

export function Field(props: FieldProps) {
  const { t } = accountTexts.useText();
  const [isShown, setShown] = useState(false);
  const ownId = useId();
  const id = props.id ?? ownId;
  const note = props.fault ?? props.hint ?? null;
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="eyebrow">
        {props.label}
        {props.isOptional && <span className="font-normal"> · {t('person.optional')}</span>}
      </label>
      <div className="relative">
        <input
          ref={props.field}
          id={id}
          className={`field ${props.isSecret ? 'pr-12' : ''} ${props.isMono ? 'font-mono' : ''}`}
          type={props.isSecret && !isShown ? 'password' : 'text'}
          inputMode={props.isEmail ? 'email' : undefined}
          autoComplete={props.autoComplete ?? 'off'}
          autoCapitalize="off"
          autoCorrect="off"
          spellCheck={false}
          maxLength={props.maxLength}
          value={props.value}
          onInput={(event) => props.onChange(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && isComposing(event.nativeEvent)) event.preventDefault();
          }}
          aria-describedby={note === null ? undefined : `${id}-note`}
          aria-invalid={props.fault ? true : undefined}
        />
        {props.isSecret && (
          <button
            type="button"
            className="button button-quiet button-icon absolute top-0 right-0"
            aria-pressed={isShown}
            aria-controls={id}
            aria-label={t(isShown ? 'door.password.hide' : 'door.password.show')}
            onClick={() => setShown(!isShown)}
          >
            <Icon name="eye" />
          </button>
        )}
      </div>
      {note !== null && (
        <p id={`${id}-note`} className={`text-sm ${props.fault ? 'text-alarm' : 'text-soft'}`}>
          {note}
        </p>
      )}
    </div>
  );
}
