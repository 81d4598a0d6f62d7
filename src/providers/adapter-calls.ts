// Counts an adapter's running calls, so that one that was replaced is closed when they are over and not under them.
import type { ProviderAdapter } from './provider.ts';

interface CallCount {
  running: number;
  onIdle: (() => void) | null;
}

const counts = new WeakMap<ProviderAdapter, CallCount>();

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}

/** The same adapter with its calls counted: until a promise settles, or until the function that `watch` gave is called. */
export function countingCalls(adapter: ProviderAdapter): ProviderAdapter {
  const count: CallCount = { running: 0, onIdle: null };
  const bound = new Map<PropertyKey, unknown>();
  const begin = () => {
    count.running += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      count.running -= 1;
      if (count.running === 0) count.onIdle?.();
    };
  };
  const counted =
    (method: (...input: unknown[]) => unknown) =>
    (...input: unknown[]) => {
      const end = begin();
      try {
        const result: unknown = method.apply(adapter, input);
        if (isPromise(result)) {
          result.then(end, end);
          return result;
        }
        if (typeof result === 'function') {
          return () => {
            end();
            return result();
          };
        }
        end();
        return result;
      } catch (error) {
        end();
        throw error;
      }
    };
  const proxy = new Proxy(adapter, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      const known = bound.get(key);
      if (known) return known;
      // `close` ends what is counted; it is no call.
      const wrapped = key === 'close' ? value.bind(target) : counted(value as () => unknown);
      bound.set(key, wrapped);
      return wrapped;
    },
  });
  counts.set(proxy, count);
  return proxy;
}

/** Closes an adapter of `countingCalls` as soon as none of its calls runs. Never rejects. */
export async function closeWhenIdle(
  adapter: ProviderAdapter,
  onError: (error: unknown) => void,
): Promise<void> {
  const count = counts.get(adapter);
  if (count && count.running > 0) {
    await new Promise<void>((resolve) => {
      count.onIdle = resolve;
    });
  }
  await adapter.close().catch(onError);
}
