// The command of `npm run chaos`: a chaos run with its figures, or the negative controls that show that it can fail.
import { parseArgs } from 'node:util';
import { describeReport } from './chaos-figures.ts';
import { runChaos } from './kill-server.ts';
import { CONTROLS, runControl } from './negative-controls.ts';

const HELP = `npm run chaos -- [options]
  --database sqlite|postgres   sqlite unless given
  --nodes 1..3                 1 on SQLite, 2 on PostgreSQL unless given
  --tasks N --kills N          2000 and 200 unless given
  --seed N                     the same plans and faults again
  --faults 0..1                share of the provider's answers that hang, fail or are cut; 0.02
  --points kp5,kp6             only these, and no random deaths
  --pauses N                   a node is stopped beyond its lease and goes on (PostgreSQL)
  --database-kills N           the PostgreSQL server dies at once and comes back
  --doctor-every N             doctor --deep after every N kills; 10
  --keep                       keeps the data
  --control NAME|all           runs a copy of the program without one of its rules, which must be found out:
${Object.entries(CONTROLS)
  .map(([name, { meaning }]) => `                                 ${name}: ${meaning}`)
  .join('\n')}`;

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      database: { ...text, default: 'sqlite' },
      nodes: text,
      tasks: { ...text, default: '2000' },
      kills: { ...text, default: '200' },
      seed: { ...text, default: '1' },
      faults: { ...text, default: '0.02' },
      pauses: { ...text, default: '0' },
      'database-kills': { ...text, default: '0' },
      'doctor-every': { ...text, default: '10' },
      'settle-s': text,
      points: text,
      keep: { type: 'boolean', default: false },
      control: text,
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  if (values.control !== undefined) {
    const names = values.control === 'all' ? Object.keys(CONTROLS) : [values.control];
    for (const name of names) if (!(await runControl(name))) process.exitCode = 1;
    return;
  }
  const database = values.database === 'postgres' ? 'postgres' : 'sqlite';
  const report = await runChaos({
    database,
    nodes: Number(values.nodes ?? (database === 'postgres' ? 2 : 1)),
    tasks: Number(values.tasks),
    kills: Number(values.kills),
    seed: Number(values.seed),
    faults: Number(values.faults),
    pauses: Number(values.pauses),
    points: values.points?.split(',') ?? null,
    databaseKills: Number(values['database-kills']),
    doctorEvery: Number(values['doctor-every']),
    ...(values['settle-s'] ? { settleLimitMs: Number(values['settle-s']) * 1000 } : {}),
    keepData: values.keep,
    report: (line) => console.error(line),
  });
  console.log(describeReport(report));
  process.exitCode = report.findings.length === 0 ? 0 : 1;
}

// The PostgreSQL server of the run is removed as the process ends.
if (import.meta.main) await main();
