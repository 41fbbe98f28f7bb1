import type { Logger } from 'pino';
import manifest from '../package.json' with { type: 'json' };
import { type Config, ConfigError, readConfig } from './config.ts';
import { authenticate, liveSessions } from './domain/session.ts';
import type { GraphContext } from './graph/context.ts';
import { buildSchema } from './graph/schema.ts';
import { openResources, type Resources } from './resources.ts';
import { checkHealth, readinessProblem } from './server/health.ts';
import { createLogger } from './server/log.ts';
import type { RequestFacts } from './server/request.ts';
import { type ApiServer, startServer } from './server/server.ts';
import { welcome } from './server/welcome.ts';

/** A stop that takes longer than this is cut off: the tasks' leases expire, and another worker goes on with them. */
const stopDeadlineMs = 9_500;

/**
 * Runs the service until a signal ends it; the process's exit code says how: 0 stopped in order, 1 could not start or broke.
 * SIGTERM, SIGINT and SIGHUP stop it in order, a second one at once.
 */
export async function startService(config: Config): Promise<void> {
  const log = createLogger(config.logLevel);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'an error that nobody handled: the service ends');
    process.exit(1);
  });
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'a failure that nobody handled: the service ends');
    process.exit(1);
  });
  const signal = firstSignal(log);
  await using resources = await openResources(config, log);
  const server = await openServer(config, resources, log);
  const url = config.publicUrl ?? server.url;
  log.info({ url: server.url, pid: process.pid, version: manifest.version }, 'ready');
  process.stdout.write(welcome({ ...resources, version: manifest.version, url, dataDir: config.dataDir }));

  log.info({ signal: await signal }, 'stopping');
  const late = setTimeout(() => {
    log.error('the stop took too long and was cut off');
    process.exit(1);
  }, stopDeadlineMs);
  late.unref();
  await Promise.all([server.close(), resources.stopWork()]);
  await resources.close();
  log.info('stopped');
}

/** Resolves with the first signal that asks for a stop, also while the service still starts. The second one is obeyed at once. */
function firstSignal(log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let isStopping = false;
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(name, () => {
        if (isStopping) {
          log.warn({ signal: name }, 'stopped at once by a second signal');
          process.exit(1);
        }
        isStopping = true;
        resolve(name);
      });
    }
  });
}

function openServer(config: Config, resources: Resources, log: Logger): Promise<ApiServer> {
  const { domain, events } = resources;
  const about = { version: manifest.version, startedAt: new Date() };
  const health = () => checkHealth({ domain, dataDir: config.dataDir });
  const contextFor = ({ transport: _, ...facts }: RequestFacts): GraphContext => ({
    ...facts,
    domain,
    events,
    about,
    health,
  });
  return startServer({
    schema: buildSchema(),
    contextFor,
    authenticate: (token) => authenticate(domain, token),
    liveSessions: (sessionIds) => liveSessions(domain, sessionIds),
    readinessProblem: () => readinessProblem(domain),
    host: config.host,
    port: config.port,
    publicUrl: config.publicUrl,
    log,
  });
}

/** What a person reads when the service could not start. */
export function startFailure(error: unknown): string {
  if (!(error instanceof Error)) return `drgraph could not start: ${String(error)}\n`;
  const code = 'code' in error ? error.code : undefined;
  const place =
    'address' in error && 'port' in error ? `${error.address}:${error.port}` : 'the configured HOST and PORT';
  if (code === 'EADDRINUSE') {
    return `Another program listens at ${place}. Stop it, or set PORT to another number (0 takes any free one).\n`;
  }
  if (code === 'EACCES' && 'port' in error) {
    return `This user may not listen at ${place}. Set PORT to a number above 1023.\n`;
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `This machine has no address ${place}. Set HOST to one that it has, for example 127.0.0.1.\n`;
  }
  return `drgraph could not start: ${error.message}\n`;
}

if (import.meta.main) {
  try {
    await startService(readConfig());
    process.exit(0);
  } catch (error) {
    process.stderr.write(error instanceof ConfigError ? `${error.message}\n` : startFailure(error));
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
}
