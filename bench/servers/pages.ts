// The program with its built studio as a process of its own, so that it can be killed: sends `{url, key}` once it listens.
//   arguments: data folder, port, administrator's key
import { startAccountServer } from '../../test/pages/screens-account.ts';

const [dataDir = '', port = '0', apiKey = ''] = process.argv.slice(2);
const server = await startAccountServer({}, { dataDir, port: Number(port), apiKey });
process.send?.({ url: server.baseUrl, key: apiKey });
