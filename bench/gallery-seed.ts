// Makes a data folder (and fills its database) with very many pictures, for measuring and for looking at the gallery.
// A million pictures on SQLite take 43 s of processor time.
//   node bench/gallery-seed.ts --pictures 1000000 --data-dir /tmp/many [--database postgres --database-url postgres://…]
// Then: DRAWBRIDGE_DATA_DIR=/tmp/many DRAWBRIDGE_ADMIN_KEY=<printed> npm start
import { parseArgs } from 'node:util';
import { SEED_ADMIN_KEY } from './gallery-pictures.ts';
import { seedPostgres, seedSqlite } from './gallery-seed-rows.ts';

const { values } = parseArgs({
  options: {
    pictures: { type: 'string', default: '100000' },
    'data-dir': { type: 'string', default: 'data-gallery' },
    database: { type: 'string', default: 'sqlite' },
    'database-url': { type: 'string' },
  },
});
const pictures = Number(values.pictures);
const startedAt = performance.now();
const url = values['database-url'];
if (values.database === 'postgres') {
  if (!url) throw new Error('Give --database-url of an empty PostgreSQL database');
  await seedPostgres(values['data-dir'], url, pictures);
} else await seedSqlite(values['data-dir'], pictures);
console.log(
  `${pictures} pictures in ${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${values['data-dir']}`,
);
console.log(`DRAWBRIDGE_ADMIN_KEY=${SEED_ADMIN_KEY}`);
