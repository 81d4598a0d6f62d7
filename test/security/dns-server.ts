// A name server over UDP whose answers a test decides, and the look-up that asks it: what a name means may change between two
// questions, as an attacker's does.
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { isIPv6, type LookupFunction } from 'node:net';
import type { TestContext } from 'node:test';
import ipaddr from 'ipaddr.js';

const HEADER_BYTES = 12;
const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const;
const CLASS_IN = 1;
const ANSWER_FLAGS = 0x8580;
const QUESTION_TAIL_BYTES = 4;

/** The answer's addresses, or `→ name` for an alias of it, to the question number `asked` (from 1) about a name. */
export type Zone = (name: string, asked: number) => readonly string[];

function encodeName(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function readName(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.subarray(at + 1, at + 1 + length).toString('latin1'));
    at += length + 1;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

/** A record that may be kept for no time at all. */
function record(name: string, type: number, data: Buffer): Buffer {
  const tail = Buffer.alloc(10);
  tail.writeUInt16BE(type, 0);
  tail.writeUInt16BE(CLASS_IN, 2);
  tail.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(name), tail, data]);
}

function recordsOf(
  name: string,
  answers: readonly string[],
  type: number,
  zone: (name: string) => readonly string[],
): Buffer[] {
  return answers.flatMap((answer) => {
    if (answer.startsWith('→')) {
      const alias = answer.slice(1).trim();
      return [record(name, TYPES.CNAME, encodeName(alias)), ...recordsOf(alias, zone(alias), type, zone)];
    }
    const isWanted = type === (isIPv6(answer) ? TYPES.AAAA : TYPES.A);
    return isWanted ? [record(name, type, Buffer.from(ipaddr.parse(answer).toByteArray()))] : [];
  });
}

/** Starts the server, which ends with the test; returns a look-up that asks it and nobody else. */
export async function startDns(t: TestContext, zone: Zone): Promise<LookupFunction> {
  const asked = new Map<string, number>();
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const { name, end } = readName(message);
    const type = message.readUInt16BE(end);
    const key = `${name} ${type}`;
    asked.set(key, (asked.get(key) ?? 0) + 1);
    const answerTo = (about: string) => zone(about, asked.get(key) ?? 1);
    const records = recordsOf(name, answerTo(name), type, answerTo);
    const header = Buffer.from(message.subarray(0, HEADER_BYTES));
    header.writeUInt16BE(ANSWER_FLAGS, 2);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    const question = message.subarray(HEADER_BYTES, end + QUESTION_TAIL_BYTES);
    socket.send(Buffer.concat([header, question, ...records]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return (name, _options, callback) => {
    const addressesOf = async (family: 4 | 6) => {
      const asking = family === 4 ? resolver.resolve4(name) : resolver.resolve6(name);
      const addresses = await asking.catch((): string[] => []);
      return addresses.map((address) => ({ address, family }));
    };
    void Promise.all([addressesOf(6), addressesOf(4)]).then((answers) => {
      const found = answers.flat();
      const missing = Object.assign(new Error('unknown name'), { code: 'ENOTFOUND' });
      callback(found.length > 0 ? null : missing, found);
    });
  };
}
