// A text field that is as high as its text. `isLine`: what it holds is one line, however far it wraps, so that Enter begins none.
import { type KeyboardEvent, type TextareaHTMLAttributes, useLayoutEffect, useRef } from 'react';
import { isComposing } from '../ui/keys.ts';

interface GrowingTextProps
  extends Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, 'onChange' | 'onInput' | 'value'> {
  value: string;
  onText(text: string): void;
  isLine?: boolean;
}

export function GrowingText({ value, onText, isLine, className, onKeyDown, ...rest }: GrowingTextProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = field.current;
    if (!element || CSS.supports('field-sizing', 'content')) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [value]);
  return (
    <textarea
      {...rest}
      ref={field}
      rows={isLine ? 1 : (rest.rows ?? 2)}
      className={`field field-sizing-content resize-none ${className ?? ''}`}
      value={value}
      onInput={(event) => {
        const text = event.currentTarget.value;
        onText(isLine ? text.replaceAll(/\s*[\r\n]+\s*/g, ' ') : text);
      }}
      onKeyDown={(event: KeyboardEvent<HTMLTextAreaElement>) => {
        onKeyDown?.(event);
        const isPlainEnter = event.key === 'Enter' && !event.ctrlKey && !event.metaKey;
        if (isLine && isPlainEnter && !isComposing(event.nativeEvent ?? event)) event.preventDefault();
      }}
    />
  );
}
