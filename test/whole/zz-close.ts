import OpenAI from 'openai';
import { startTestApp } from '../harness/app.ts';
import { ScriptedProvider, pictures } from '../harness/scripted-provider.ts';
import { until } from '../harness/clock.ts';
setInterval(()=>{},1000);
const provider = new ScriptedProvider();
let held = true;
provider.onPoll = async (call) => held ? ({ state: 'running', progress: 0.3, pollAfterMs: 20 }) : { state: 'done', outputs: await pictures(call, call.request.n) };
const app = await startTestApp({ providers: [{ adapter: provider, lane: { concurrency: 32, deadlineMs: 600000 } }] });
const client = new OpenAI({ baseURL: `${app.url}/v1`, apiKey: app.adminKey, maxRetries: 0 });
const give = new AbortController();
const first = client.images.generate({ prompt: 'a' }, { signal: give.signal });
await until(() => provider.polls > 0);
give.abort();
await first.catch((e) => console.log(e.message));
held = false;
await client.images.generate({ prompt: 'b' });
const t = performance.now();
for (const [obj, name] of [[app.app.server,'close'],[app.app.tasks.engine,'drain'],[app.app.providers,'close'],[app.app.media,'close'],[app.app.db,'close']] as any) {
  const orig = obj[name].bind(obj);
  obj[name] = async (...a: any[]) => { console.log('>', obj.constructor.name, name); const t=performance.now(); const x = await orig(...a); console.log('<', obj.constructor.name, name, performance.now()-t); return x; };
}
setTimeout(() => app.app.server.server.getConnections((e, n) => console.log('connections', n)), 1000);
await app.close();
console.log('closed', performance.now()-t);
process.exit();
