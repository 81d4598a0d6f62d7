import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseServerAddress } from './typed-address.ts';

test('addresses as people type them', () => {
  for (const [typed, url] of [
    ['192.168.1.20:8080', 'http://192.168.1.20:8080/'],
    [' https://pictures.example/draw ', 'https://pictures.example/draw/'],
    ['https://pictures.example/draw//?a=1#b', 'https://pictures.example/draw/'],
    ['[fd00::1]:8080', 'http://[fd00::1]:8080/'],
    ['localhost', 'http://localhost/'],
    ['１９２.168.1.20', 'http://192.168.1.20/'],
  ] as const)
    assert.equal(parseServerAddress(typed), url, typed);
  for (const typed of ['', '  ', 'not an address!', 'ftp://host', 'http://', 'http://me:word@host', 'a%20b'])
    assert.equal(parseServerAddress(typed), null, typed);
});
