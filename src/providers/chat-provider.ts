// A language model beside the picture providers: the same secrets, proxy, probes and breakers, and no pictures.
import type { ChatModel } from './chat/chat.ts';
import { type ProviderAdapter, ProviderError } from './provider.ts';

/** An adapter that is probed and shown like every other and refuses to draw. */
export function chatProvider(name: string, model: ChatModel): ProviderAdapter {
  const refuse = async () => {
    throw new ProviderError('invalid_request', 'no', `${name} writes texts; it makes no pictures.`);
  };
  return {
    name,
    models: [],
    endpoints: model.endpoints,
    submit: refuse,
    poll: refuse,
    probe: (call) => model.probe({ signal: call.signal }),
    close: async () => {},
  };
}
