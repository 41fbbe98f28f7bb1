// A process that uses the embedded PostgreSQL: `node embedded-process.ts <data folder> [<settings as JSON>]`. It prints
// the server's URL when it runs, logs to stderr, and closes when its input ends.
import pino from 'pino';
import { z } from 'zod';
import { startEmbeddedPostgres } from '../../src/database/embedded.ts';

const [dataDir = '', given = '{}'] = process.argv.slice(2);
const settings = z.record(z.string(), z.string()).parse(JSON.parse(given));
const log = pino({ level: 'info' }, pino.destination(2));
const server = await startEmbeddedPostgres({ dataDir, log, settings: { fsync: 'off', ...settings } });
process.stdout.write(`${server.url}\n`);
process.stdin.resume();
process.stdin.once('end', () => {
  server.close().catch((error: unknown) => {
    log.error(error);
    process.exitCode = 1;
  });
});
